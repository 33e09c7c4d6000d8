import SharedMessages
import SharedSSH

/// A public key as it is kept.
struct StoredKey: Sendable, Hashable {
    var blob: [UInt8]
    var type: String
    var fingerprint: String
    var comment: String

    /// Reads one line `type base64 comment`. Options, as in `authorized_keys`, are refused: nobody
    /// would heed them. Throws `AUTHD_KEY_INVALID`.
    init(line: String) throws(CodedError) {
        let parsed: AuthorizedKey?
        do {
            parsed = try AuthorizedKey.parse(line)
        } catch {
            throw CodedError(.authdKeyInvalid, cause: error)
        }
        guard let parsed, parsed.options.isEmpty, !line.contains(where: \.isNewline) else {
            throw CodedError(.authdKeyInvalid)
        }
        blob = parsed.key.blob
        type = parsed.key.type.rawValue
        fingerprint = parsed.key.fingerprint
        comment = String(parsed.comment.prefix(200))
    }
}
