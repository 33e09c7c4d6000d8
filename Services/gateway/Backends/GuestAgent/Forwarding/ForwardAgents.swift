package import GatewayCore
package import Logging
package import NIOCore
import SharedConfig
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// A running `forward-server` of an agent.
package struct ForwardProcess: Sendable {
    package let transport: any AgentTransport
    package let eventLoop: any EventLoop
    /// Ends the process whatever it does; bounded in time, harmless when repeated.
    package let end: @Sendable () async -> Void

    package init(
        transport: any AgentTransport,
        eventLoop: any EventLoop,
        end: @escaping @Sendable () async -> Void
    ) {
        self.transport = transport
        self.eventLoop = eventLoop
        self.end = end
    }
}

package struct ForwardOptions: Sendable {
    /// For any answer of an agent.
    package var timeout: Duration
    /// Whose network the agents' dials belong to.
    package var network: DialNetwork
    /// How long an agent that could not listen takes to end: ContainerSSH's confirms before it
    /// tries.
    package var bindTime: Duration
    /// How long a connection of which our side has ended may be silent before it is closed.
    package var linger: Duration

    package init(
        timeout: Duration = .seconds(60),
        network: DialNetwork = .workspace,
        bindTime: Duration = .milliseconds(200),
        linger: Duration = .seconds(10)
    ) {
        self.timeout = timeout
        self.network = network
        self.bindTime = bindTime
        self.linger = linger
    }
}

/// Forwards connections of one container through agents of ContainerSSH's kind: one program that
/// connects, and one for each place where connections are accepted.
///
/// Agents are started when they are needed.
package final class ForwardAgents: Sendable {
    package typealias Start = @Sendable () async throws -> ForwardProcess
    package typealias PutFile = @Sendable (WorkspaceFile) async throws -> Void

    private let start: Start
    private let putFile: PutFile
    private let loop: any EventLoop
    private let options: ForwardOptions
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        /// Counted up by `closeAll`: what was opened before that is not kept.
        var round = 0
        var isClosed = false
        var dialler: Latch<ForwardLink>?
        var links: [ObjectIdentifier: ForwardLink] = [:]
    }

    /// The first display, as with sshd (sshd_config(5), X11DisplayOffset), and how many are tried.
    private static let displays = 10...30
    private static let firstDisplayPort = 6000
    /// Ports are chosen here: no agent of this kind tells which one it got.
    private static let ports: ClosedRange<UInt16> = 32_768...60_999
    private static let mostPorts = 10

    package init(
        on loop: any EventLoop,
        options: ForwardOptions,
        logger: Logger,
        putFile: @escaping PutFile,
        start: @escaping Start
    ) {
        self.loop = loop
        self.options = options
        self.logger = logger
        self.putFile = putFile
        self.start = start
    }

    // MARK: - Connecting

    /// Connects to an address as seen from inside the container; as `AgentLink.dial`.
    package func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        switch destination {
        case .unixSocket(let path): return try await dialler().dial(.unixSocket(path))
        case .tcp(let host, let port):
            var failure: any Error = CodedError(.agentDialFailed)
            for host in try permission.hosts(host, in: options.network) {
                do {
                    return try await dialler().dial(.tcp(host: host, port: port))
                } catch {
                    if Task.isCancelled { throw error }
                    failure = error
                }
            }
            throw failure
        }
    }

    /// The agent that connects; started for the first who asks, for all who come meanwhile.
    private func dialler() async throws -> ForwardLink {
        while true {
            let (latch, isFirst) = try state.withLock { state in
                guard !state.isClosed else { throw CodedError(.agentClosed) }
                if let latch = state.dialler { return (latch, false) }
                let latch = Latch<ForwardLink>()
                state.dialler = latch
                return (latch, true)
            }
            // Goes on when whoever asked is cancelled: others wait for it, and its own time limits
            // bound it.
            if isFirst { Task { await self.startDialler(latch) } }
            let link = try await latch.value()
            if link.isUsable { return link }
            state.withLock { if $0.dialler === latch { $0.dialler = nil } }
        }
    }

    private func startDialler(_ latch: Latch<ForwardLink>) async {
        do {
            latch.settle(.success(try await open(.dial)))
        } catch {
            state.withLock { if $0.dialler === latch { $0.dialler = nil } }
            latch.settle(.failure(error))
        }
    }

    private func open(
        _ setup: ForwardSetup,
        _ accepts: ForwardAccepts? = nil
    ) async throws -> ForwardLink {
        let round = try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.agentClosed) }
            return state.round
        }
        let process = try await start()
        let link = try await ForwardLink.open(
            process,
            setup,
            accepts: accepts,
            options,
            logger
        )
        let isLate = state.withLock { state in
            guard state.round == round, !state.isClosed else { return true }
            state.links = state.links.filter { !$0.value.ended.isSettled }
            state.links[ObjectIdentifier(link)] = link
            return false
        }
        guard !isLate else {
            await link.close()
            throw CodedError(.agentClosed)
        }
        return link
    }

    // MARK: - Listening

    /// Accepts connections inside the container; as `AgentLink.listen`.
    package func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        switch place {
        case .tcp(let host, 0): return try await listenAnywhere(host == "*" ? "" : host)
        case .tcp(let host, let port):
            return try await listen([host == "*" ? "" : host], port)
        case .unixSocket(let path): return try await listen(path, [])
        case .agent:
            let path = "/tmp/.berth-agent-\(String(UInt64.random(in: .min ... .max), radix: 36))"
            return try await listen(path, [("SSH_AUTH_SOCK", path)])
        case .x11(let request): return try await listenAsDisplay(request)
        }
    }

    private func listen(
        _ path: String,
        _ environment: [(name: String, value: String)]
    ) async throws -> any WorkspaceListener {
        let accepts = ForwardAccepts(of: 1, on: loop)
        let link = try await bind(.unixSocket(path), accepts)
        return ForwardListener(
            links: [link],
            accepts: accepts,
            port: nil,
            environment: environment
        )
    }

    private func listenAnywhere(_ host: String) async throws -> any WorkspaceListener {
        var tries = 1
        while true {
            do {
                return try await listen([host], UInt16.random(in: Self.ports))
            } catch let error as CodedError
                where error.code == .agentListenFailed && tries < Self.mostPorts
            {
                tries += 1
            }
        }
    }

    /// `localhost` is both families' loopback address.
    private func listen(_ hosts: [String], _ port: UInt16) async throws -> ForwardListener {
        let hosts = hosts == ["localhost"] ? ["127.0.0.1", "::1"] : hosts
        let accepts = ForwardAccepts(of: hosts.count, on: loop)
        // A container may be without IPv6: the first one counts.
        var links = [try await bind(.tcp(host: hosts[0], port: port), accepts)]
        for host in hosts.dropFirst() {
            do {
                links.append(try await bind(.tcp(host: host, port: port), accepts))
            } catch let error as CodedError where error.code == .agentListenFailed {}
        }
        return ForwardListener(links: links, accepts: accepts, port: port)
    }

    private func bind(_ place: ForwardPlace, _ accepts: ForwardAccepts) async throws -> ForwardLink
    {
        do {
            return try await open(.listen(place), accepts)
        } catch let error as CodedError where error.code == .agentLost {
            throw CodedError(
                .agentListenFailed,
                detail: "the agent could not listen at \(place.host) \(place.port)",
                cause: error
            )
        }
    }

    private func listenAsDisplay(_ request: X11Request) async throws -> any WorkspaceListener {
        // The cookie is looked at before anything is made.
        guard XAuthority.file(for: request, hostname: nil, display: 0) != nil else {
            throw CodedError(.agentListenFailed, detail: "the X11 cookie is malformed")
        }
        for display in Self.displays {
            let accepts = ForwardAccepts(of: 1, on: loop)
            let port = UInt16(Self.firstDisplayPort + display)
            let link: ForwardLink
            do {
                link = try await bind(.tcp(host: "127.0.0.1", port: port), accepts)
            } catch let error as CodedError where error.code == .agentListenFailed {
                continue
            }
            let path = "/tmp/.berth-xauthority-\(display)"
            let content = XAuthority.file(for: request, hostname: nil, display: display) ?? []
            do {
                try await putFile(WorkspaceFile(path: path, content: content))
            } catch {
                await link.close()
                throw error
            }
            return ForwardListener(
                links: [link],
                accepts: accepts,
                port: nil,
                environment: [
                    ("DISPLAY", "127.0.0.1:\(display).\(request.screen)"), ("XAUTHORITY", path),
                ]
            )
        }
        throw CodedError(.agentListenFailed, detail: "no display is free")
    }

    // MARK: - The end

    /// Ends every agent; new ones can be started.
    package func closeAll() async {
        let links = state.withLock { state in
            state.round += 1
            state.dialler = nil
            defer { state.links = [:] }
            return Array(state.links.values)
        }
        await withTaskGroup(of: Void.self) { group in
            for link in links { group.addTask { await link.close() } }
        }
    }

    /// Ends every agent for good. Harmless when repeated.
    package func close() async {
        state.withLock { $0.isClosed = true }
        await closeAll()
    }
}
