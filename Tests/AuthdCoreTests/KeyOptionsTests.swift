import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite("Options of keys")
struct KeyOptionsTests {
    private func options(_ text: String) throws -> KeyOptions { try KeyOptions(text) }

    @Test("no options allow everything, from anywhere, for ever")
    func none() throws {
        let options = try options("")
        #expect(options.restrictions == CredentialRestrictions())
        #expect(options.refusal(address: "203.0.113.7", at: 4_000_000_000) == nil)
    }

    @Test("restrict takes everything away; what follows gives back")
    func restrict() throws {
        let options = try options(#"restrict,pty,command="echo \"hi, there\"""#).restrictions
        #expect(options.permitPty)
        #expect(!options.permitPortForwarding)
        #expect(!options.permitAgentForwarding)
        #expect(!options.permitX11Forwarding)
        #expect(options.forceCommand == #"echo "hi, there""#)
    }

    @Test("single permissions are taken away, whatever their capitals")
    func single() throws {
        let options = try options("no-pty,No-X11-Forwarding,verify-required").restrictions
        #expect(!options.permitPty)
        #expect(!options.permitX11Forwarding)
        #expect(options.permitPortForwarding)
        #expect(options.verifyRequired)
    }

    @Test(
        "from is held against the client's address",
        arguments: [
            ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/8,!10.9.0.0/16", "10.9.1.1", false),
            ("10.0.0.0/8,!10.9.0.0/16", "10.8.1.1", true), ("192.0.2.*", "192.0.2.77", true),
            ("192.0.2.?", "192.0.2.77", false), ("!192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/32", "2001:db8::7", true), ("2001:db8::/32", "2001:db9::7", false),
            ("192.0.2.1", "", false),
        ]
    )
    func from(_ list: String, _ address: String, _ isAllowed: Bool) throws {
        let options = try options("from=\"\(list)\"")
        #expect((options.refusal(address: address, at: 0) == nil) == isAllowed)
    }

    @Test(
        "a key ends at its expiry time",
        arguments: [
            ("20260102Z", 1_767_312_000), ("202601020304Z", 1_767_323_040),
            ("20260102030405Z", 1_767_323_045),
        ]
    )
    func expiry(_ text: String, _ seconds: Int) throws {
        let options = try options("expiry-time=\"\(text)\"")
        #expect(options.refusal(address: "", at: seconds - 1) == nil)
        #expect(options.refusal(address: "", at: seconds) == "key has expired")
    }

    @Test("environment is passed on")
    func environment() throws {
        #expect(try options(#"environment="A=b=c""#).environment == ["A": "b=c"])
    }

    @Test(
        "what could not be heeded, or is no option, is refused when the key is added",
        arguments: [
            "cert-authority", #"principals="a""#, #"permitopen="h:1""#, #"permitlisten="1""#,
            #"tunnel="1""#, "unheard-of", "pty=", #"command=echo"#, #"from="*.example.org""#,
            #"from="""#, #"expiry-time="20261301""#, #"expiry-time="2026""#, #"environment="A""#,
            "pty,", ",pty", "pty pty", #"command="a",command="b""#, #"command="""#,
            #"from="10.0.0.0/8",from="11.0.0.0/8""#,
        ]
    )
    func refused(_ text: String) {
        let error = #expect(throws: CodedError.self) { _ = try options(text) }
        #expect(error?.code == .authdKeyInvalid)
    }

    @Test("no text whatever traps the parser")
    func hostile() {
        let pieces = ["\"", "\\", ",", "=", "from", "é", "\u{0}", " ", "expiry-time=\"", "9"]
        for first in pieces {
            for second in pieces {
                for third in pieces { _ = try? options(first + second + third) }
            }
        }
    }
}
