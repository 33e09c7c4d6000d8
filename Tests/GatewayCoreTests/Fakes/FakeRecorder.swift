import AuditClient
import NIOCore
import SharedAudit
import SharedMessages
import SharedSSH
import Synchronization

@testable import GatewayCore

/// Goes on with Kerberos until its proof, which gets the verdict.
struct VerdictHandler: ServerConnectionHandler {
    let last: AuthenticationVerdict

    func handshakeCompleted(_ handshake: HandshakeFacts) async {}
    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        if case .gssapiProof = attempt.method { last } else { .token(nil) }
    }
    func authenticated(as username: String) async throws {}
    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        .refused(.unknownChannelType, text: "none")
    }
    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
    func unsupportedChannel(type: String) async {}
    func disconnected(_ end: ConnectionEnd) async {}
}

/// Accepts every forward, and keeps the channel for the test.
final class ForwardingHandler: ServerConnectionHandler {
    private let state = Mutex<(any ByteChannel)?>(nil)
    var channel: (any ByteChannel)? { state.withLock { $0 } }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {}

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        .refused(methods: [])
    }

    func authenticated(as username: String) async throws {}

    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        .refused(.unknownChannelType, text: "none")
    }

    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        state.withLock { $0 = channel }
        return .accepted(IdleForward())
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
    func unsupportedChannel(type: String) async {}
    func disconnected(_ end: ConnectionEnd) async {}
}

struct IdleForward: ForwardHandler {
    func run() async {}
    func closed() async {}
}

/// Keeps what would go to auditd.
final class FakeRecorder: Recorder, RecordingHandle {
    private let openingFails: Bool
    private let state = Mutex((events: [AuditEvent](), isFinished: false, isFailing: false))
    private let finishFails = Mutex(false)
    private let deliveries = Mutex<[RecordingDelivery]>([])

    init(openingFails: Bool = false) { self.openingFails = openingFails }

    let id = String(repeating: "a", count: 32)
    var events: [AuditEvent] { state.withLock { $0.events } }
    var isFinished: Bool { state.withLock { $0.isFinished } }
    /// What it was told to do.
    var told: [RecordingDelivery] { deliveries.withLock { $0 } }

    func failFinishing() { finishFails.withLock { $0 = true } }

    func fail() { state.withLock { $0.isFailing = true } }

    func openRecording(
        id: String,
        facts: RecordingFacts,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) async throws -> any RecordingHandle {
        guard !openingFails else { throw CodedError(.httpClientConnectionFailed) }
        return self
    }

    func append(_ event: AuditEvent, channel: UInt64?) async throws {
        try state.withLock {
            guard !$0.isFailing else { throw CodedError(.httpClientConnectionFailed) }
            $0.events.append(event)
        }
    }

    func identify(username: String) {}
    func identify(container: String) {}
    func deliver(_ delivery: RecordingDelivery) async throws {
        deliveries.withLock { $0.append(delivery) }
    }
    func finish() async throws {
        guard !finishFails.withLock({ $0 }) else { throw CodedError(.httpClientConnectionFailed) }
        state.withLock { $0.isFinished = true }
    }
}

final class FakeControl: ServerConnectionControl {
    var traffic: ConnectionTraffic { ConnectionTraffic(received: 11, sent: 22) }

    private let state = Mutex<[ServerRefusal]>([])
    var refusals: [ServerRefusal] { state.withLock { $0 } }

    func disconnect(_ refusal: ServerRefusal) { state.withLock { $0.append(refusal) } }
    func banner(_ text: String) {}

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        throw ChannelOpenRefused(reason: 1, text: "no channels")
    }
    func notify(_ text: String) {}
}

/// Opens sessions that refuse every request, and keeps the channel for the test.
final class OneSessionHandler: ServerConnectionHandler {
    private let state = Mutex<(any SessionChannel)?>(nil)
    var channel: (any SessionChannel)? { state.withLock { $0 } }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {}

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        .refused(methods: [])
    }

    func authenticated(as username: String) async throws {}

    func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        state.withLock { $0 = channel }
        return .accepted(RefusingSession())
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
    func unsupportedChannel(type: String) async {}
    func disconnected(_ end: ConnectionEnd) async {}
}

struct RefusingSession: SessionHandler {
    func handle(_ request: SessionRequest) async -> Bool { false }
    func closed() async {}
}
