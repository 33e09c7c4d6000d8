import AuditClient
import FoundationEssentials
import SharedHTTP

/// What an object says of its recording beside its bytes; ContainerSSH's names.
struct ObjectMetadata {
    /// Names and values together (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
    static let limit = 2048

    /// The values do not fit.
    struct TooLong: Error {}

    private(set) var values: [(name: String, value: String)]

    init(_ facts: RecordingFacts, showsAddress: Bool, showsUsername: Bool) {
        let isAuthenticated = !facts.username.isEmpty
        values = [
            ("timestamp", "\(facts.startedAt / 1_000_000_000)"),
            ("authenticated", "\(isAuthenticated)"),
            ("country", facts.country),
        ]
        if showsUsername, isAuthenticated { values.append(("username", facts.username)) }
        if showsAddress { values.append(("ip", facts.remoteAddress)) }
    }

    /// As header fields of a request.
    func fields() throws(TooLong) -> [HTTPHeaderList.Field] {
        let fields = values.map { name, value in
            HTTPHeaderList.Field(name: "x-amz-meta-\(name)", value: Self.encode(value))
        }
        let size = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard size <= Self.limit else { throw TooLong() }
        return fields
    }

    /// Leaves out what a person chose: it may be of any length.
    mutating func dropUsername() { values.removeAll { $0.name == "username" } }

    /// Words of printable ASCII stay as they are; everything else, line breaks among it, becomes an
    /// encoded word (RFC 2047 §2), the form in which S3 gives such values back.
    static func encode(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        let isSingle = !value.hasPrefix(" ") && !value.hasSuffix(" ") && !value.contains("  ")
        guard !isPlain || !isSingle || value.contains("=?") else { return value }
        return "=?UTF-8?B?\(Data(value.utf8).base64EncodedString())?="
    }
}
