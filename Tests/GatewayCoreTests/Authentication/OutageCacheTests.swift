import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization
import Testing

@testable import GatewayCore

@Suite("Logins with a key while the webhook is away")
struct OutageCacheTests {
    private let key = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [1, 2, 3])
    private let cache = OutageCache()
    private let webhook = FakeWebhook()

    private func use(_ change: (inout AuthCacheConfig) -> Void = { _ in }) {
        var config = AuthCacheConfig()
        config.enable = true
        change(&config)
        cache.use(config, webhook: "http://a")
    }

    private func fixture() -> LoginFixture {
        let keys = CachingAuthenticator(webhook, cache: cache, after: .seconds(5))
        return LoginFixture(Authenticators(password: webhook, publicKey: keys))
    }

    private func logIn(_ fixture: LoginFixture, as name: String = "dev") async
        -> AuthenticationVerdict
    {
        _ = await fixture.attempt(.publicKeyProbe(key), as: name)
        return await fixture.attempt(.publicKey(key), as: name)
    }

    private func isUnavailable(_ verdict: AuthenticationVerdict) -> Bool {
        guard case .disconnect(let refusal) = verdict else { return false }
        return refusal.text.hasSuffix("[SSH_AUTH_UNAVAILABLE]")
    }

    @Test("an earlier acceptance counts, is marked in log and metadata, and asks for less time")
    func accepted() async throws {
        use()
        #expect(await logIn(fixture()) == .accepted)
        webhook.isAway = true
        let fixture = fixture()
        #expect(await logIn(fixture) == .accepted)
        #expect(fixture.codes.contains("SSH_AUTH_FROM_CACHE"))
        #expect(fixture.label("age", of: "SSH_AUTH_FROM_CACHE") == "0")
        #expect(fixture.state.facts.authenticatedUsername == "alice")
        #expect(fixture.state.facts.keyAnswerAge != nil)
        let carried = fixture.state.facts.carried.metadata
        #expect(carried["authenticationSource"] == MetadataValue("cache"))
        #expect(carried["team"] == MetadataValue("red"))
        #expect(webhook.patience == [nil, .seconds(5)])
    }

    @Test("while the webhook answers, nothing is marked")
    func notMarked() async {
        use()
        _ = await logIn(fixture())
        let fixture = fixture()
        #expect(await logIn(fixture) == .accepted)
        #expect(!fixture.codes.contains("SSH_AUTH_FROM_CACHE"))
        #expect(fixture.state.facts.carried.metadata["authenticationSource"] == nil)
        #expect(fixture.state.facts.keyAnswerAge == nil)
    }

    @Test("a probe alone is not a login: what it found counts only with a signature")
    func badSignature() async {
        use()
        _ = await logIn(fixture())
        webhook.isAway = true
        let fixture = fixture()
        #expect(await fixture.attempt(.publicKeyProbe(key)) == .accepted)
        #expect(
            await fixture.attempt(.publicKeyBadSignature(key))
                == .refused(methods: ["publickey", "password"])
        )
        #expect(!fixture.codes.contains("SSH_AUTH_FROM_CACHE"))
    }

    @Test("passwords never count")
    func passwords() async {
        use()
        let first = fixture()
        #expect(await first.password() == .accepted)
        webhook.isAway = true
        #expect(isUnavailable(await fixture().password()))
        #expect(cache.count == 0)
    }

    @Test("an acceptance for one name, key or address says nothing about another")
    func others() async {
        use()
        _ = await logIn(fixture())
        webhook.isAway = true
        #expect(isUnavailable(await logIn(fixture(), as: "root")))
        let other = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [9])
        #expect(isUnavailable(await fixture().attempt(.publicKey(other))))
        let keys = CachingAuthenticator(webhook, cache: cache, after: .seconds(5))
        await #expect(throws: CodedError.self) {
            let head = AuthRequestHead(
                remoteAddress: "198.51.100.1:1",
                connectionID: "",
                clientVersion: "",
                username: "dev"
            )
            _ = try await keys.decide(
                AuthRequest(head: head, question: .publicKey("ssh-ed25519 AQID")),
                country: "XX"
            )
        }
    }

    @Test("a refusal makes it forget the acceptance")
    func revoked() async {
        use()
        _ = await logIn(fixture())
        webhook.says = AuthResponse(success: false)
        _ = await logIn(fixture())
        webhook.isAway = true
        #expect(isUnavailable(await logIn(fixture())))
    }

    @Test("an acceptance that is too old does not count")
    func tooOld() async {
        use { $0.maximumAge = .zero }
        _ = await logIn(fixture())
        webhook.isAway = true
        #expect(isUnavailable(await logIn(fixture())))
    }

    @Test("the number of acceptances is bounded; the oldest goes first")
    func bounded() async {
        use { $0.entries = 2 }
        for name in ["a", "b", "c"] { _ = await logIn(fixture(), as: name) }
        #expect(cache.count == 2)
        webhook.isAway = true
        #expect(isUnavailable(await logIn(fixture(), as: "a")))
        #expect(await logIn(fixture(), as: "c") == .accepted)
    }

    @Test("an answer with a large file is not kept")
    func large() async {
        use()
        webhook.says?.carried.files["/f"] = BinaryMetadataValue(
            base64: String(repeating: "A", count: OutageCache.longestAnswer)
        )
        _ = await logIn(fixture())
        #expect(cache.count == 0)
    }

    @Test("another webhook or turning the cache off forgets everything; a reload does not")
    func reconfigured() async {
        use()
        _ = await logIn(fixture())
        use()
        #expect(cache.count == 1)
        var config = AuthCacheConfig()
        config.enable = true
        cache.use(config, webhook: "http://b")
        #expect(cache.count == 0)
        _ = await logIn(fixture())
        cache.use(AuthCacheConfig(), webhook: "http://b")
        _ = await logIn(fixture())
        #expect(cache.count == 0)
    }
}

@Suite("Reasons of webhooks")
struct ReasonTests {
    @Test("a refusal's reason reaches the person once, in one line, with the code")
    func told() async {
        let webhook = FakeAuthenticator { _ in
            AuthResponse(success: false, reason: "Your account\n\u{1B}[2J ended.")
        }
        let fixture = LoginFixture(Authenticators(password: webhook))
        let expected = "Your account[2J ended. [SSH_AUTH_FAILED]"
        #expect(await fixture.password() == .refused(methods: ["password"], text: expected))
        #expect(await fixture.password() == .refused(methods: ["password"]))
    }

    @Test("an authorization's reason reaches the person too")
    func authorization() async {
        let yes = FakeAuthenticator { _ in AuthResponse(success: true) }
        let no = FakeAuthenticator { _ in AuthResponse(success: false, reason: "Not as root.") }
        let fixture = LoginFixture(Authenticators(password: yes, authorization: no))
        let expected = "Not as root. [SSH_AUTH_FAILED]"
        #expect(await fixture.password() == .refused(methods: ["password"], text: expected))
    }

    @Test("a reason without end is cut")
    func long() async {
        let webhook = FakeAuthenticator { _ in
            AuthResponse(success: false, reason: String(repeating: "é", count: 5000))
        }
        let fixture = LoginFixture(Authenticators(password: webhook))
        guard case .refused(_, let text, _) = await fixture.password() else {
            Issue.record("not refused")
            return
        }
        #expect(text?.count == 1000 + " [SSH_AUTH_FAILED]".count)
    }
}

/// A webhook that can be away.
private final class FakeWebhook: PatientAuthenticator {
    private struct State {
        var isAway = false
        var says: AuthResponse? = AuthResponse(
            success: true,
            authenticatedUsername: "alice",
            carried: ConnectionMetadata(metadata: ["team": MetadataValue("red")])
        )
        var patience: [Duration?] = []
    }

    private let state = Mutex(State())

    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }
    var says: AuthResponse? {
        get { state.withLock { $0.says } }
        set { state.withLock { $0.says = newValue } }
    }
    /// What each question was given; `nil` for all the time there is.
    var patience: [Duration?] { state.withLock { $0.patience } }

    func decide(_ request: AuthRequest, country: String) async throws -> AuthResponse {
        try answer(nil)
    }

    func decide(
        _ request: AuthRequest,
        country: String,
        within patience: Duration
    ) async throws -> AuthResponse {
        try answer(patience)
    }

    private func answer(_ patience: Duration?) throws -> AuthResponse {
        try state.withLock { state in
            state.patience.append(patience)
            guard !state.isAway, let answer = state.says else {
                throw CodedError(.authBackendError)
            }
            return answer
        }
    }
}
