import FoundationEssentials
import SharedConfig

/// What requests are signed with.
struct S3Credentials: Sendable, Hashable {
    var accessKey: String
    var secretKey: Secret
    /// Empty with long-lived keys.
    var sessionToken = Secret()
    /// When they end; `nil` where nobody says.
    var expires: Date?
}
