import AuthClient
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite("Penalties at the login listener, and who looks at them", .timeLimit(.minutes(3)))
struct LoginLimitTests {
    private static let token = "0123456789abcdef"

    /// An authd that lets nobody off: one failure is a minute.
    private func run(_ body: (Fixture, String) async throws -> Void) async throws {
        try await Fixture.run { fixture async throws in
            let user = NewUser(name: "ann", passwordBase64: base64("secret"))
            _ = try await fixture.administrator.add(user)
            _ = try await fixture.issuer().add(NewAuthority(name: "users", kind: .user))
            var limits = LimitsConfig()
            limits.exempt = []
            limits.penalties.authFailure = .seconds(60)
            limits.penalties.invalidUser = .seconds(120)
            try await fixture.serve(limits: limits) { try await body(fixture, $0) }
        }
    }

    private func logIn(
        _ name: String,
        _ password: String,
        _ fixture: Fixture,
        _ url: String
    ) async -> MessageCode? {
        await code {
            try await CertificateLoginClient(HTTPClientConfig(url: url), logger: fixture.logger)
                .certificate(CertificateLogin(username: name, publicKey: Keys.first)) { _ in
                    [Array(password.utf8)]
                }
        }
    }

    @Test("after a failure its address gets status 429, also with the right password")
    func refused() async throws {
        try await run { fixture, url async throws in
            #expect(await logIn("ann", "secret", fixture, url) == nil)
            #expect(await logIn("ann", "wrong", fixture, url) == .authdLoginRefused)
            #expect(await logIn("ann", "secret", fixture, url) == .limitsPenalized)
            let client = try HTTPClient(
                HTTPClientOptions(HTTPClientConfig(url: url)),
                logger: fixture.logger
            )
            let login = CertificateLogin(username: "ann", publicKey: Keys.first)
            let reply = try await client.send(.json(.post, CertificateLogin.path, login))
            #expect(reply.status == 429)
            #expect(reply.refusal?.code == "LIMITS_PENALIZED")
        }
    }

    @Test("a name that nobody has costs what such names cost, and is refused in the same words")
    func unknownUser() async throws {
        try await run { fixture, url async throws in
            #expect(await logIn("nobody", "secret", fixture, url) == .authdLoginRefused)
            let client = try PenaltiesClient(HTTPClientConfig(url: url), logger: fixture.logger)
            #expect(try await client.list().map(\.cause) == [.invalidUser])
        }
    }

    @Test("penalties are shown and forgiven with the administration's token only")
    func token() async throws {
        try await Fixture.run { fixture async throws in
            try await fixture.serve(token: Secret(Self.token)) { url async throws in
                func client(_ token: String) throws -> PenaltiesClient {
                    try PenaltiesClient(
                        HTTPClientConfig(url: url),
                        token: Secret(token),
                        logger: fixture.logger
                    )
                }
                #expect(try await client(Self.token).list() == [])
                try await client(Self.token).clear(nil)
                for wrong in ["", "0123456789abcdeg"] {
                    #expect(await code { try await client(wrong).list() } == .authdTokenRefused)
                    let clearing = await code { try await client(wrong).clear(nil) }
                    #expect(clearing == .authdTokenRefused)
                }
            }
        }
    }
}
