import Logging
import MetricsClient
import MetricsTestKit
import SharedMessages
import SharedSSH
import SharedTracing
import Synchronization
import Testing

@testable import GatewayCore

/// The trace of a login as the outermost layer makes it, around layers that answer as told.
@Suite("Traces of logins")
struct LoginTraceTests {
    private final class Kept: SpanSink {
        private let spans = Mutex<[FinishedSpan]>([])
        var all: [FinishedSpan] { spans.withLock { $0 } }
        func take(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
        func named(_ name: String) -> FinishedSpan? { all.first { $0.name == name } }
    }

    /// Notes in which span it was asked what.
    private final class Next: ServerConnectionHandler {
        let parents = Mutex<[String: SpanID?]>([:])
        let failure: CodedError?

        init(failure: CodedError? = nil) { self.failure = failure }

        private func note(_ what: String) {
            parents.withLock { $0[what] = .some(Span.current?.context.spanID) }
        }

        func handshakeCompleted(_ handshake: HandshakeFacts) async { note("handshake") }

        func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
            note("authenticate")
            return attempt.username == "ada" ? .accepted : .refused(methods: ["password"])
        }

        func authenticated(as username: String) async throws {
            note("authenticated")
            if let failure { throw failure }
        }

        func openSession(
            _ channel: any SessionChannel
        ) async -> ChannelDecision<any SessionHandler> {
            note("openSession")
            return .accepted(Session())
        }

        func openForward(
            _ channel: any ByteChannel,
            to target: ForwardTarget
        ) async -> ChannelDecision<any ForwardHandler> { .refused(.connectFailed, text: "") }

        func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
        func unsupportedChannel(type: String) async {}
        func disconnected(_ end: ConnectionEnd) async { note("disconnected") }
    }

    private struct Session: SessionHandler {
        func handle(_ request: SessionRequest) async -> Bool { Span.current != nil }
        func closed() async {}
    }

    private let kept = Kept()
    private let handshake = HandshakeFacts(
        clientVersion: "SSH-2.0-test",
        keyExchange: "kex",
        hostKeyAlgorithm: "key",
        inboundCipher: "cipher",
        outboundCipher: "cipher",
        isStrict: true
    )

    private func trace(sample: Double = 1) -> LoginTrace {
        LoginTrace(
            Tracer(sample: sample, sink: kept),
            client: RemoteClient(host: "192.0.2.1", port: 7),
            connectionID: "c",
            at: .now
        )
    }

    private func layer(_ trace: LoginTrace?, _ next: Next) -> MetricsLayer {
        let metrics = GatewayMetrics(factory: TestMetrics())
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return MetricsLayer(
            metrics: metrics,
            disconnects: DisconnectReport(metrics: metrics, logger: logger),
            country: CountrySlot("HU"),
            trace: trace,
            next: next
        )
    }

    private func attempt(_ name: String) -> AuthenticationAttempt {
        AuthenticationAttempt(username: name, method: .password([]))
    }

    @Test("every stage is a span below the login, and the layers inside work in it")
    func stages() async throws {
        let (trace, next) = (trace(), Next())
        let layer = layer(trace, next)
        await layer.handshakeCompleted(handshake)
        _ = await layer.authenticate(attempt("eve"))
        _ = await layer.authenticate(attempt("ada"))
        try await layer.authenticated(as: "ada")
        guard case .accepted(let session) = await layer.openSession(FakeChannel()) else {
            Issue.record("no session")
            return
        }
        #expect(await session.handle(.exec(command: "true")))
        trace.over(.output)
        await session.closed()
        await layer.disconnected(.byClient(nil, text: ""))

        let root = trace.root.context.spanID
        #expect(
            kept.all.map(\.name) == [
                "ssh.key_exchange", "ssh.authentication.attempt", "ssh.authentication.attempt",
                "ssh.authentication", "ssh.configuration", "ssh.login", "ssh.session",
            ]
        )
        let authentication = try #require(kept.named("ssh.authentication"))
        for span in kept.all where span.name != "ssh.login" {
            let isAttempt = span.name == "ssh.authentication.attempt"
            #expect(span.parent == (isAttempt ? authentication.context.spanID : root))
        }
        let parents = next.parents.withLock { $0 }
        #expect(parents["handshake"] == root && parents["disconnected"] == root)
        #expect(parents["authenticated"] == kept.named("ssh.configuration")?.context.spanID)
        #expect(parents["openSession"] == kept.named("ssh.session")?.context.spanID)
        #expect(parents["authenticate"] == kept.all[2].context.spanID)
        // The stages follow each other without a gap, as their times in the metrics do.
        #expect(kept.named("ssh.key_exchange")?.end == authentication.start)
        #expect(authentication.end == kept.named("ssh.configuration")?.start)
        let outcomes = kept.all[1...2].map { span in
            span.attributes.first { $0.key == .outcome }?.value
        }
        #expect(outcomes == ["refused", "accepted"])
        let login = try #require(kept.named("ssh.login"))
        #expect(login.failure == nil && login.parent == nil)
        #expect(login.attributes.contains(SpanAttribute(.loginEnd, "output")))
        #expect(login.attributes.contains(SpanAttribute(.user, "ada")))
        #expect(login.attributes.contains(SpanAttribute(.country, "HU")))
    }

    @Test("a connection that goes before its login leaves no span open")
    func gone() async throws {
        let layer = layer(trace(), Next())
        await layer.handshakeCompleted(handshake)
        _ = await layer.authenticate(attempt("eve"))
        await layer.disconnected(.graceExceeded)
        #expect(
            Set(kept.all.map(\.name)) == [
                "ssh.key_exchange", "ssh.authentication.attempt", "ssh.authentication", "ssh.login",
            ]
        )
        #expect(kept.named("ssh.login")?.failure == MessageCode.sshHandshakeFailed.id)
    }

    @Test("a connection that never said anything is a root alone")
    func silent() async {
        await layer(trace(), Next()).disconnected(.silent)
        #expect(kept.all.map(\.name) == ["ssh.login"])
    }

    @Test("what keeps a user from their configuration is the login's failure")
    func notConfigured() async {
        let layer = layer(trace(), Next(failure: CodedError(.backendConfigError)))
        await layer.handshakeCompleted(handshake)
        await #expect(throws: CodedError.self) { try await layer.authenticated(as: "ada") }
        await layer.disconnected(.silent)
        let code = MessageCode.backendConfigError.id
        #expect(kept.named("ssh.configuration")?.failure == code)
        #expect(kept.named("ssh.login")?.failure == code)
    }

    @Test("a login that is not sampled is passed on, and no span of it is kept")
    func unsampled() async throws {
        let (trace, next) = (trace(sample: 0), Next())
        let layer = layer(trace, next)
        await layer.handshakeCompleted(handshake)
        _ = await layer.authenticate(attempt("ada"))
        try await layer.authenticated(as: "ada")
        await layer.disconnected(.silent)
        #expect(kept.all.isEmpty)
        #expect(next.parents.withLock { $0["authenticate"] } == trace.root.context.spanID)
    }

    @Test("without a tracer there is no span anywhere")
    func off() async throws {
        let next = Next()
        let layer = layer(nil, next)
        await layer.handshakeCompleted(handshake)
        _ = await layer.authenticate(attempt("ada"))
        try await layer.authenticated(as: "ada")
        #expect(next.parents.withLock { $0.values.allSatisfy { $0 == nil } })
    }
}
