/// One key of an `authorized_keys` file (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
package struct AuthorizedKey: Sendable, Hashable {
    package var key: SSHPublicKey
    /// What stands before the key, as written; empty where nothing does.
    package var options: String
    package var comment: String

    /// The most characters of a line that are looked at, as in OpenSSH.
    static let maximumLineLength = 16 * 1024

    /// Parses one line; `nil` for a blank line or a comment.
    ///
    /// Throws `KeyError.unsupportedType` for the key types that exist but cannot be used, so that
    /// a caller can pass over them with a note.
    package static func parse(_ line: some StringProtocol) throws(KeyError) -> AuthorizedKey? {
        guard line.utf8.count <= maximumLineLength else { throw .malformed }
        let text = Substring(line).drop { $0.isWhitespace }
        guard let first = text.first, first != "#" else { return nil }
        if let key = try key(in: text, options: "") { return key }
        let options = optionsPrefix(of: text)
        let rest = text.dropFirst(options.count).drop { $0 == " " || $0 == "\t" }
        guard let key = try key(in: rest, options: String(options)) else { throw .malformed }
        return key
    }

    /// Parses `text` if it begins with the name of a key type.
    private static func key(
        in text: Substring,
        options: String
    ) throws(KeyError) -> AuthorizedKey? {
        let parts = text.split(maxSplits: 2, whereSeparator: \.isWhitespace)
        guard parts.count >= 2, isKeyType(parts[0]) else { return nil }
        guard let blob = Base64.decode(parts[1]) else { throw .malformed }
        let key = try SSHPublicKey(blob: blob)
        guard key.type.rawValue == parts[0] else { throw .malformed }
        let comment = parts.count > 2 ? parts[2].trimmingEnd() : ""
        return AuthorizedKey(key: key, options: options, comment: comment)
    }

    /// All type names there are begin in one of these ways; no option does.
    private static func isKeyType(_ word: Substring) -> Bool {
        ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-", "webauthn-sk-"]
            .contains { word.hasPrefix($0) }
    }

    /// Options end at the first white space outside quotes; `\"` does not end a quotation.
    private static func optionsPrefix(of text: Substring) -> Substring {
        var isQuoted = false
        var isEscaped = false
        return text.prefix { character in
            defer { isEscaped = character == "\\" && !isEscaped }
            if character == "\"", !isEscaped { isQuoted.toggle() }
            return isQuoted || !(character == " " || character == "\t")
        }
    }
}

extension Substring {
    fileprivate func trimmingEnd() -> String {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
