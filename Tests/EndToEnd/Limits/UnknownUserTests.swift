import SharedMessages
import Testing

@Suite(
    "Names that nobody has",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4))
)
struct UnknownUserTests {
    @Test("cost the address what invalid users cost, and are refused in the same words")
    func penalty() async throws {
        let settings = [
            "limits.exempt=[127.0.0.1/32]", "limits.penalties.authFailure=1s",
            "limits.penalties.invalidUser=10m", "audit.enable=false",
        ]
        try await Installation.with(settings, daemons: [.authd, .configd, .gateway]) {
            installation in
            func fail(_ user: String, from source: String) async throws -> String {
                var login = Installation.Login(user: user, proof: .password("wrong"))
                login.options = ["BindAddress=\(source)"]
                let end = try await installation.ssh("true", login)
                #expect(end.status == 255)
                return end.errors.replacing(user, with: "USER")
            }
            let known = try await fail(Installation.user, from: "127.0.4.1")
            let unknown = try await fail("nobody-of-ours", from: "127.0.4.2")
            #expect(known.contains("Permission denied"), "\(known)")
            #expect(unknown == known)
            try await wait(for: "the penalty is given") {
                installation.log(.gateway).split(separator: "\n").contains {
                    $0.contains("LIMITS_PENALTY_GIVEN") && $0.contains("127.0.4.2")
                        && $0.contains("invalidUser")
                }
            }
            let list = try await installation.penalties("list")
            #expect(list.output.contains("127.0.4.2: refused, "), "\(list.output)")
            #expect(!list.output.contains("127.0.4.1: refused, "), "\(list.output)")
        }
    }
}
