import Crypto
import Foundation
import Testing

/// Codes of an authenticator app, and logins that are asked for one.
extension Installation {
    struct SecondFactor: Decodable {
        var secret: String
        var recoveryCodes: [String]
    }

    /// Gives `user` a second factor: what their app would know, and the code that is used up.
    func enrol(_ user: String = Installation.user) async throws
        -> (factor: SecondFactor, used: String)
    {
        let reply = Data(try await administer("/users/\(user)/totp", "").utf8)
        let factor = try JSONDecoder().decode(SecondFactor.self, from: reply)
        let used = try Self.code(factor.secret)
        _ = try await administer("/users/\(user)/totp/confirm", #"{"code":"\#(used)"}"#)
        return (factor, used)
    }

    /// Posts to authd's administration.
    func administer(_ path: String, _ body: String) async throws -> String {
        let end = try await run(
            "/usr/bin/curl",
            ["-sSf", "--unix-socket", config.adminSocket, "-d", body, "http://authd\(path)"]
        )
        try #require(end.status == 0, "\(end.errors)")
        return end.output
    }

    /// Logs in by keyboard-interactive, with `password` and then `code`.
    func converse(
        as user: String = Installation.user,
        _ password: String,
        _ code: String = ""
    ) async throws -> Program.End {
        let program = config.path("answer-\(UUID().uuidString)")
        let script = """
            #!/bin/sh
            case "$1" in *Password*) echo "$E2E_PASSWORD" ;; *) echo "$E2E_CODE" ;; esac
            """
        try Data(script.utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
        let login = Login(
            options: [
                "BatchMode=no", "NumberOfPasswordPrompts=1",
                "PreferredAuthentications=keyboard-interactive",
            ]
        )
        return try await run(
            "/usr/bin/ssh",
            options(login) + ["-p", "\(config.ports.ssh)", "\(user)@127.0.0.1", "echo in"],
            environment: [
                "SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "E2E_PASSWORD": password,
                "E2E_CODE": code,
            ]
        )
    }

    /// RFC 6238 for now, six digits.
    static func code(_ secret: String) throws -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bits = ""
        for letter in secret {
            let value = try #require(alphabet.firstIndex(of: letter))
            bits += String(repeating: "0", count: 5 - String(value, radix: 2).count)
            bits += String(value, radix: 2)
        }
        let digits = Array(bits)
        let key = stride(from: 0, to: digits.count - 7, by: 8).compactMap {
            UInt8(String(digits[$0..<$0 + 8]), radix: 2)
        }
        let step = UInt64(Date.now.timeIntervalSince1970) / 30
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * UInt64($0))) }
        let hash = Array(
            HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: SymmetricKey(data: key))
        )
        let offset = Int(hash[19] & 15)
        let number = hash[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } & 0x7FFF_FFFF
        return String(String(1_000_000 + number % 1_000_000).dropFirst())
    }
}
