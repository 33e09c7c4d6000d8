import NIOCore
import SharedAudit
import SharedSSH
import Synchronization

/// Records a session's requests before they are decided, and their refusals after.
final class AuditSession: SessionHandler {
    private let channel: UInt64
    private let recorder: ConnectionRecorder
    private let next: any SessionHandler
    private let stream: RecordedChannel
    private let whenFailed: @Sendable (any Error) -> Void
    private let lastRequest = Mutex<UInt64>(0)

    init(
        _ stream: RecordedChannel,
        recorder: ConnectionRecorder,
        next: any SessionHandler,
        whenFailed: @escaping @Sendable (any Error) -> Void
    ) {
        self.stream = stream
        channel = stream.id
        self.recorder = recorder
        self.next = next
        self.whenFailed = whenFailed
    }

    func handle(_ request: SessionRequest) async -> Bool {
        let number = lastRequest.withLock {
            $0 += 1
            return $0 - 1
        }
        guard await note(event(request, number)) else { return false }
        let isAccepted = await next.handle(request)
        if !isAccepted { await note(.requestFailed(requestID: number, reason: "request refused")) }
        return isAccepted
    }

    func closed() async {
        await stream.settleInput()
        await note(.close)
        await next.closed()
    }

    @discardableResult
    private func note(_ event: AuditEvent) async -> Bool {
        do {
            try await recorder.record(event, channel: channel)
            return true
        } catch {
            whenFailed(error)
            return false
        }
    }

    private func event(_ request: SessionRequest, _ number: UInt64) -> AuditEvent {
        switch request {
        case .environment(let name, let value):
            .environment(requestID: number, name: name, value: value.text)
        case .pty(let pty):
            .terminal(requestID: number, term: pty.term, size: size(pty.size), modes: pty.modes)
        case .shell: .shell(requestID: number)
        case .exec(let command): .exec(requestID: number, program: command.text)
        case .subsystem(let name): .subsystem(requestID: number, name: name.text)
        case .windowChange(let window): .windowChange(requestID: number, size: size(window))
        case .signal(let name): .signal(requestID: number, name: name)
        case .x11(let request): .x11Request(requestID: number, AuditEvent.X11(request))
        case .agentForwarding, .endOfWrite:
            .unknownRequest(requestID: number, type: request.typeName, payload: nil)
        case .breakSignal(let milliseconds):
            .unknownRequest(
                requestID: number,
                type: request.typeName,
                payload: Array(ByteBuffer(integer: milliseconds).readableBytesView)
            )
        case .unsupported(let type, let payload):
            .unknownRequest(
                requestID: number,
                type: type,
                payload: Array(payload.readableBytesView)
            )
        case .malformed(let type, let payload):
            .malformedRequest(
                requestID: number,
                type: type,
                payload: Array(payload.readableBytesView),
                reason: "the payload does not parse"
            )
        }
    }

    private func size(_ size: WindowSize) -> AuditEvent.Size {
        AuditEvent.Size(
            columns: size.columns,
            rows: size.rows,
            width: size.pixelWidth,
            height: size.pixelHeight
        )
    }
}

extension AuditEvent.X11 {
    fileprivate init(_ request: X11Request) {
        self.init(
            singleConnection: request.isSingleConnection,
            authProtocol: request.protocolName,
            cookie: request.cookie,
            screen: request.screen
        )
    }
}
