import Logging
import MetricsClient
import MetricsTestKit
import NIOPosix
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization
import Testing

@testable import GatewayCore

@Suite("Authentication by webhook")
struct AuthLayerTests {
    private let state = ConnectionState(
        connectionID: String(repeating: "a", count: 32),
        remoteAddress: RemoteAddress(host: "::ffff:203.0.113.7", port: 41022),
        eventLoop: MultiThreadedEventLoopGroup.singleton.next()
    )
    private let key = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [1, 2, 3])

    private func layer(_ authenticators: Authenticators) -> AuthLayer {
        AuthLayer(
            state: state,
            authenticators: authenticators,
            metrics: GatewayMetrics(factory: TestMetrics()),
            logger: Logger(label: "test"),
            next: InnermostHandler()
        )
    }

    private func attempt(_ method: AuthenticationAttempt.Method) -> AuthenticationAttempt {
        AuthenticationAttempt(username: "dev", method: method)
    }

    @Test("a key is looked up once for probe and signature, and bound by the signature alone")
    func probeThenSignature() async {
        let webhook = FakeAuthenticator { _ in
            AuthResponse(success: true, authenticatedUsername: "alice")
        }
        let layer = layer(Authenticators(publicKey: webhook))
        #expect(await layer.authenticate(attempt(.publicKeyProbe(key))) == .accepted)
        #expect(state.facts.authenticatedUsername.isEmpty)
        #expect(await layer.authenticate(attempt(.publicKey(key))) == .accepted)
        #expect(state.facts.authenticatedUsername == "alice")
        #expect(webhook.questions == [.publicKey("ssh-ed25519 AQID")])
    }

    @Test("an answer for one user name is not used for another")
    func cacheIsPerUser() async {
        let webhook = FakeAuthenticator { AuthResponse(success: $0.head.username == "dev") }
        let layer = layer(Authenticators(publicKey: webhook))
        #expect(await layer.authenticate(attempt(.publicKeyProbe(key))) == .accepted)
        let other = AuthenticationAttempt(username: "root", method: .publicKey(key))
        #expect(await layer.authenticate(other) == .refused(methods: ["publickey"]))
    }

    @Test("a signature that does not verify is refused without asking anybody")
    func badSignature() async {
        let webhook = FakeAuthenticator { _ in AuthResponse(success: true) }
        let layer = layer(Authenticators(publicKey: webhook))
        let verdict = await layer.authenticate(attempt(.publicKeyBadSignature(key)))
        #expect(verdict == .refused(methods: ["publickey"]))
        #expect(webhook.questions.isEmpty)
    }

    @Test("a method that is not configured is refused and not advertised")
    func unconfigured() async {
        let webhook = FakeAuthenticator { _ in AuthResponse(success: true) }
        let layer = layer(Authenticators(publicKey: webhook))
        let verdict = await layer.authenticate(attempt(.password([112])))
        #expect(verdict == .refused(methods: ["publickey"]))
    }

    @Test("a webhook without an answer ends the connection with a text and its code")
    func unavailable() async {
        let webhook = FakeAuthenticator { _ in throw CodedError(.authBackendError) }
        let layer = layer(Authenticators(password: webhook))
        guard case .disconnect(let refusal) = await layer.authenticate(attempt(.password([112])))
        else {
            Issue.record("the connection goes on")
            return
        }
        #expect(refusal.text.hasSuffix("[SSH_AUTH_UNAVAILABLE]"))
    }

    @Test("what a refused attempt carried is forgotten")
    func refusedMetadata() async {
        let webhook = FakeAuthenticator { _ in
            AuthResponse(
                success: false,
                carried: ConnectionMetadata(metadata: ["role": MetadataValue("admin")])
            )
        }
        _ = await layer(Authenticators(password: webhook)).authenticate(attempt(.password([1])))
        #expect(state.facts.carried.metadata.isEmpty)
    }

    @Test("authorization sees the proven identity and may refuse it")
    func authorization() async {
        let password = FakeAuthenticator { _ in
            AuthResponse(success: true, authenticatedUsername: "alice")
        }
        let authorization = FakeAuthenticator { _ in AuthResponse(success: false) }
        let layer = layer(Authenticators(password: password, authorization: authorization))
        let verdict = await layer.authenticate(attempt(.password([1])))
        #expect(verdict == .refused(methods: ["password"]))
        #expect(authorization.questions == [.authorization(authenticatedUsername: "alice")])
        #expect(state.facts.authenticatedUsername.isEmpty)
    }

    @Test("an authorization that names nobody keeps the identity")
    func authorizationKeepsIdentity() async {
        let password = FakeAuthenticator { _ in
            AuthResponse(success: true, authenticatedUsername: "alice")
        }
        let authorization = FakeAuthenticator { _ in AuthResponse(success: true) }
        let layer = layer(Authenticators(password: password, authorization: authorization))
        #expect(await layer.authenticate(attempt(.password([1]))) == .accepted)
        #expect(state.facts.authenticatedUsername == "alice")
    }

    @Test("webhooks are told an IPv4 client's address as IPv4, with its port")
    func address() async {
        let webhook = FakeAuthenticator { request in
            AuthResponse(success: request.head.remoteAddress == "203.0.113.7:41022")
        }
        let layer = layer(Authenticators(password: webhook))
        #expect(await layer.authenticate(attempt(.password([1]))) == .accepted)
    }
}

/// A webhook whose answers the test gives.
final class FakeAuthenticator: Authenticator {
    private let answer: @Sendable (AuthRequest) throws -> AuthResponse
    private let asked = Mutex<[AuthQuestion]>([])

    init(_ answer: @escaping @Sendable (AuthRequest) throws -> AuthResponse) {
        self.answer = answer
    }

    var questions: [AuthQuestion] { asked.withLock { $0 } }

    func decide(_ request: AuthRequest, country: String) async throws -> AuthResponse {
        asked.withLock { $0.append(request.question) }
        return try answer(request)
    }
}

/// The end of a chain of layers.
struct InnermostHandler: ServerConnectionHandler {
    func handshakeCompleted(_ handshake: HandshakeFacts) async {}

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        .refused(methods: [])
    }

    func authenticated(as username: String) async throws {}

    func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        .refused(.unknownChannelType, text: "none")
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
    func unsupportedChannel(type: String) async {}
    func disconnected(_ end: ConnectionEnd) async {}
}
