import SharedMessages
import SharedSSH

/// A public key as it is kept.
struct StoredKey: Sendable, Hashable {
    var blob: [UInt8]
    var type: String
    var fingerprint: String
    var comment: String
    /// As they were written; `KeyOptions` reads them.
    var options: String

    /// Reads one line of `authorized_keys`: `[options] type base64 [comment]`. Throws
    /// `AUTHD_KEY_INVALID`, also for options that could not be heeded.
    init(line: String) throws(CodedError) {
        let parsed: AuthorizedKey?
        do {
            parsed = try AuthorizedKey.parse(line)
        } catch {
            throw CodedError(.authdKeyInvalid, cause: error)
        }
        guard let parsed, !line.contains(where: \.isNewline) else {
            throw CodedError(.authdKeyInvalid)
        }
        _ = try KeyOptions(parsed.options)
        options = parsed.options
        blob = parsed.key.blob
        type = parsed.key.type.rawValue
        fingerprint = parsed.key.fingerprint
        comment = String(parsed.comment.prefix(200))
    }
}
