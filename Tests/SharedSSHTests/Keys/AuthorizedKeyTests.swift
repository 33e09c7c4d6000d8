import Testing

@testable import SharedSSH

@Suite("Lines of authorized_keys")
struct AuthorizedKeyTests {
    private let key = SSHPrivateKey.fixed.publicKey

    @Test("blank lines and comments are no keys", arguments: ["", "   ", "\t", "# ssh-ed25519 x"])
    func blank(_ line: String) throws {
        #expect(try AuthorizedKey.parse(line) == nil)
    }

    @Test("a key alone, with a comment, and with white space around")
    func plain() throws {
        let line = key.authorizedKeysLine
        let expected = AuthorizedKey(key: key, options: "", comment: "")
        #expect(try AuthorizedKey.parse(line) == expected)
        #expect(try AuthorizedKey.parse("  \(line)\r\n") == expected)
        let named = AuthorizedKey(key: key, options: "", comment: "me at home")
        #expect(try AuthorizedKey.parse("\(line) me at home ") == named)
    }

    @Test("options, with spaces and quotes in quotations, are split off")
    func options() throws {
        let options = #"no-pty,command="echo \"a b\" ssh-rsa",from="10.0.0.0/8""#
        let parsed = try AuthorizedKey.parse("\(options) \(key.authorizedKeysLine) me")
        #expect(parsed == AuthorizedKey(key: key, options: options, comment: "me"))
    }

    @Test(
        "anything else is malformed",
        arguments: [
            "x", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 AAAA", "no-pty",
            #"command="x ssh-ed25519 AAAA"#,
        ]
    )
    func malformed(_ line: String) {
        #expect(throws: KeyError.malformed) { try AuthorizedKey.parse(line) }
    }

    @Test("a name that is not the key's own is malformed")
    func otherName() {
        let base64 = key.authorizedKeysLine.split(separator: " ")[1]
        #expect(throws: KeyError.malformed) { try AuthorizedKey.parse("ssh-rsa \(base64)") }
    }

    @Test("a line longer than 16 KiB is refused")
    func long() {
        let line = key.authorizedKeysLine + " " + String(repeating: "x", count: 16 * 1024)
        #expect(throws: KeyError.malformed) { try AuthorizedKey.parse(line) }
    }
}
