import Logging
import SharedAudit
import SharedLogging
import SharedMessages
import SharedSSH

/// Records the channels that are opened to the client.
final class AuditControl: ServerConnectionControl {
    private let next: any ServerConnectionControl
    private let slot: RecordingSlot
    private let logger: Logger

    init(_ next: any ServerConnectionControl, slot: RecordingSlot, logger: Logger) {
        self.next = next
        self.slot = slot
        self.logger = logger
    }

    var traffic: ConnectionTraffic { next.traffic }

    func disconnect(_ refusal: ServerRefusal) { next.disconnect(refusal) }

    func banner(_ text: String) { next.banner(text) }

    func notify(_ text: String) { next.notify(text) }

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        // Nobody gets here before the recording is open.
        guard let recorder = slot.current else { throw ChannelClosed() }
        let channel = try await next.openChannel(opening)
        do {
            try await recorder.record(opening.event, channel: channel.id)
            let accepted = AuditEvent.newChannelAccepted(type: opening.channelType)
            try await recorder.record(accepted, channel: channel.id)
        } catch {
            await channel.close()
            if !(error is CancellationError) { lost(error) }
            throw ChannelClosed()
        }
        return RecordedForward(channel, openedByClient: false, recorder: recorder) { [self] error in
            lost(error)
        }
    }

    private func lost(_ error: any Error) {
        let isFull = (error as? CodedError)?.code == .recordingSizeLimit
        let code: MessageCode = isFull ? .recordingSizeLimit : .gatewayRecordingLost
        if !isFull { logger.emit(code, ["reason": "\(error)"]) }
        let text = personText(code, nil)
        next.disconnect(ServerRefusal(reason: .byApplication, text: text))
    }
}

extension ServerChannelOpening {
    fileprivate var event: AuditEvent {
        switch self {
        case .forwardedTCP(let host, let port, let originator):
            .forwardedTCP(
                host: host,
                port: port,
                originatorHost: originator.host,
                originatorPort: originator.port
            )
        case .forwardedUnixSocket(let path): .forwardedSocket(path: path)
        case .x11(let originator):
            .x11Channel(originatorHost: originator.host, originatorPort: originator.port)
        // The recording has no message of its own for an agent's channel.
        case .agent: .newChannel(type: channelType)
        }
    }
}

extension ForwardTarget {
    var event: AuditEvent {
        switch self {
        case .tcp(let host, let port, let originator):
            .directTCP(
                host: host,
                port: port,
                originatorHost: originator.host,
                originatorPort: originator.port
            )
        case .unixSocket(let path): .directSocket(path: path)
        }
    }
}
