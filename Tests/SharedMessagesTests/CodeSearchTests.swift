import SharedMessages
import Testing

@Suite("Searching for codes")
struct CodeSearchTests {
    @Test(
        "any case and any separator finds the code",
        arguments: ["SSH_AUTH_FAILED", "ssh_auth_failed", "Ssh-Auth-Failed", " ssh auth failed "]
    )
    func matching(text: String) {
        #expect(MessageCode.matching(text) == .sshAuthFailed)
    }

    @Test(
        "a typing error suggests the right code first",
        arguments: ["SSH_AUTH_FAILD", "SHS_AUTH_FAILED", "sshauthfailed"]
    )
    func typingErrors(text: String) {
        #expect(MessageCode.matching(text) == nil)
        #expect(MessageCode.suggestions(for: text).first == .sshAuthFailed)
    }

    @Test("words in any order suggest the codes that have them all")
    func words() {
        #expect(MessageCode.suggestions(for: "failed handshake").contains(.sshHandshakeFailed))
    }

    @Test("hostile input suggests nothing and ends", arguments: ["", "\u{0}\n", "ÄÖÜ", "_", "💥"])
    func hostile(text: String) {
        #expect(MessageCode.matching(text) == nil)
        _ = MessageCode.suggestions(for: text)
        #expect(MessageCode.suggestions(for: String(repeating: "X", count: 100_000)).isEmpty)
    }
}
