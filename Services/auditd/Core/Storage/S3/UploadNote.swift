import AuditClient
import FoundationEssentials

/// What is written beside the spool when an upload in parts begins: ContainerSSH's file of
/// metadata, and which upload it is.
struct UploadNote: Sendable, Hashable, Codable {
    /// Seconds since the Unix epoch.
    var startTime: Int64
    var remoteAddr: String
    var authenticated: Bool
    var username: String
    var country: String
    /// `nil` in a file of ContainerSSH's.
    var uploadId: String?

    /// Only what the metadata of the object will show, too.
    init(_ facts: RecordingFacts, upload: String, options: S3Options) {
        startTime = facts.startedAt / 1_000_000_000
        remoteAddr = options.showsAddress ? facts.remoteAddress : ""
        authenticated = !facts.username.isEmpty
        username = options.showsUsername ? facts.username : ""
        country = facts.country
        uploadId = upload
    }

    /// For a recording of which only this is known.
    var facts: RecordingFacts {
        RecordingFacts(
            remoteAddress: remoteAddr,
            country: country,
            username: authenticated ? username : "",
            startedAt: startTime.multipliedReportingOverflow(by: 1_000_000_000).partialValue
        )
    }
}
