import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// What a connection forwards: makes connections in its workspace, and accepts some there.
final class Forwarder: Sendable {
    private let state: ConnectionState
    private let holder: WorkspaceHolder
    private let table: ForwardTable
    private let logger: Logger

    init(
        state: ConnectionState,
        holder: WorkspaceHolder,
        control: any ServerConnectionControl,
        logger: Logger
    ) {
        self.state = state
        self.holder = holder
        self.logger = logger
        table = ForwardTable(on: state.eventLoop, control: control, logger: logger)
    }

    /// Ends everything; returns when nothing of it is left.
    func close() async { await table.close() }

    // MARK: - To the workspace

    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        var logger = logger
        logger[metadataKey: "channelId"] = "\(channel.id)"
        for (name, value) in target.labels { logger[metadataKey: name] = value }
        do {
            let stream = try await connect(to: target)
            logger.emit(.forwardOpened)
            let forward = DirectForward(channel: channel, stream: stream, logger: logger)
            return .accepted(forward)
        } catch {
            let code = ForwardFailure.code(of: error, fallback: .forwardFailed)
            logger.emit(code, ["reason": "\(error)"])
            logger.emit(.sshNewChannelRejected, ["type": "\(target.channelType)"])
            let reason = ForwardFailure.reason(error, code)
            return .refused(reason, text: ForwardFailure.text(error, code))
        }
    }

    private func connect(to target: ForwardTarget) async throws -> any WorkspaceStream {
        let config = try rules()
        let destination = try target.destination
        let permission = DialPermission(DestinationRules(config), to: destination)
        let workspace = try await holder.workspace()
        return try await within(
            config.connectTimeout,
            late: CodedError(.forwardTimeout),
            discard: { await $0.close() },
            { try await workspace.dial(destination, permission: permission) }
        )
    }

    // MARK: - From the workspace

    func listen(_ address: ForwardAddress) async -> ListenReply {
        do {
            let place = try address.place
            guard await !table.isTaken(address) else {
                throw CodedError(.forwardListenFailed, detail: "the client listens there already")
            }
            let listener = try await open(place)
            let bound = address.bound(to: listener.boundPort)
            let served = await table.serve(listener, as: bound, labels: bound.labels) {
                bound.opening($0)
            }
            guard served != nil else { throw CancellationError() }
            logger.emit(.forwardListening, bound.labels)
            return .listening(port: listener.boundPort.map(UInt32.init))
        } catch {
            let code = ForwardFailure.code(of: error, fallback: .forwardListenFailed)
            var labels = address.labels
            labels["reason"] = "\(error)"
            logger.emit(code, labels)
            return .refused(text: ForwardFailure.text(error, code))
        }
    }

    func cancelListen(_ address: ForwardAddress) async -> Bool {
        guard await table.cancel(address) else { return false }
        logger.emit(.forwardListenEnded, address.labels)
        return true
    }

    /// Accepts connections for a session's programs: its display, or its agent.
    ///
    /// Returns what programs have to know, and a number for `end`.
    func serve(
        _ place: ListenPlace,
        mostConnections: Int = .max,
        opening: @escaping ForwardTable.Opening
    ) async throws -> (environment: [(name: String, value: String)], number: UInt64) {
        let listener = try await open(place)
        let number = await table.serve(
            listener,
            mostConnections: mostConnections,
            labels: ["place": "\(place.kind)"],
            opening: opening
        )
        guard let number else { throw CancellationError() }
        logger.emit(.forwardListening, ["place": "\(place.kind)"])
        return (listener.environment, number)
    }

    /// Accepts no more where `serve` said so.
    func end(_ number: UInt64) async { await table.stop(number) }

    /// The client's programs wait for the answer, so a backend that gives none is not waited for.
    private func open(_ place: ListenPlace) async throws -> any WorkspaceListener {
        let limit = try rules().connectTimeout
        let workspace = try await holder.workspace()
        return try await within(
            limit,
            late: CodedError(.forwardListenFailed, detail: "nothing listened within \(limit)"),
            discard: { await $0.close() },
            { try await workspace.listen(place) }
        )
    }

    private func rules() throws -> SecurityForwardingConfig {
        guard let config = state.facts.userConfig?.security.forwarding else {
            throw CodedError(.backendConfigError)
        }
        return config
    }
}
