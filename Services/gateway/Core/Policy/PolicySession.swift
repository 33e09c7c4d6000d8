import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// A session's requests, held against the policy.
final class PolicySession: SessionHandler {
    /// How long a client may take to show the words.
    private static let readingTime = Duration.milliseconds(100)

    private let channel: any SessionChannel
    private let policy: SecurityPolicy
    private let logger: Logger
    private let next: any SessionHandler
    private let whenClosed: @Sendable () -> Void
    private let hasTerminal = Mutex(false)

    init(
        _ channel: any SessionChannel,
        policy: SecurityPolicy,
        logger: Logger,
        next: any SessionHandler,
        whenClosed: @escaping @Sendable () -> Void
    ) {
        self.channel = channel
        self.policy = policy
        self.logger = logger
        self.next = next
        self.whenClosed = whenClosed
    }

    func handle(_ request: SessionRequest) async -> Bool {
        if let code = policy.refusal(of: request) {
            logger.emit(code, labels(request))
            await explain(code, request)
            return false
        }
        if let forced = policy.forced(request) { return await run(forced, request) }
        let isAccepted = await next.handle(request)
        if isAccepted, case .pty = request { hasTerminal.withLock { $0 = true } }
        return isAccepted
    }

    func closed() async {
        await next.closed()
        whenClosed()
    }

    /// A refused program is a failure without words (RFC 4254 §5.4), so the words come before it.
    /// A client goes on without a variable or a terminal, and needs none.
    private func explain(_ code: MessageCode, _ request: SessionRequest) async {
        switch request {
        case .shell, .exec, .subsystem: break
        case .environment, .pty, .windowChange, .signal, .x11, .agentForwarding, .breakSignal,
            .endOfWrite, .unsupported, .malformed:
            return
        }
        let hasTerminal = hasTerminal.withLock { $0 }
        let line = personText(code, nil) + (hasTerminal ? "\r\n" : "\n")
        // A channel that is gone already has nobody to tell.
        try? await channel.write(ByteBuffer(string: line), to: hasTerminal ? .stdout : .stderr)
        // OpenSSH ends at the failure, and shows no words that arrive together with it. Cancelled
        // when the connection ends.
        try? await Task.sleep(for: Self.readingTime)
    }

    private func run(_ forced: ForcedCommand, _ request: SessionRequest) async -> Bool {
        logger.emit(.securityExecForcingCommand, labels(request))
        if !forced.original.isEmpty {
            let variable = SessionRequest.environment(
                name: ForcedCommand.variable,
                value: forced.original
            )
            guard await next.handle(variable) else {
                logger.emit(.securityExecFailedSetenv, labels(request))
                await explain(.securityExecFailedSetenv, request)
                return false
            }
        }
        return await next.handle(.exec(command: RawText(forced.command)))
    }

    /// Names, never values: a value may be a secret.
    private func labels(_ request: SessionRequest) -> Logger.Metadata {
        var labels: Logger.Metadata = [
            "RequestType": "\(request.typeName)", "channelId": "\(channel.id)",
        ]
        switch request {
        case .environment(let name, _): labels["name"] = "\(name)"
        case .subsystem(let name): labels["name"] = "\(name)"
        case .signal(let name): labels["name"] = "\(name)"
        case .pty, .shell, .exec, .windowChange, .x11, .agentForwarding, .breakSignal,
            .endOfWrite, .unsupported, .malformed:
            break
        }
        return labels
    }
}
