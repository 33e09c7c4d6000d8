import GatewayCore
import Logging
import NIOCore
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH
import SharedWaiting
import Synchronization

/// One connection's account on the target.
final class SSHProxyWorkspace: Workspace {
    let label: String
    private let connection: FarConnection
    private let loop: any EventLoop
    /// What webhooks want programs to have; each program asks the target for it.
    private let carried: [(name: String, value: RawText)]
    private let state = Mutex(State())

    private struct State {
        var programs: [ObjectIdentifier: SSHProxyProgram] = [:]
        /// What listeners for a display or an agent want of the session that names them.
        var extras: [String: SessionRequest] = [:]
        var lastExtra = 0
        var closing: Task<Void, Never>?
    }

    private var logger: Logger { connection.logger }

    /// How long programs have after TERM, when their connection ends.
    private static let endTime = Duration.seconds(1)

    init(connection: FarConnection, request: WorkspaceRequest) {
        label = "sshproxy-\(connection.target.config.server)"
        self.connection = connection
        loop = request.eventLoop
        carried = request.carried.environment.sorted { $0.key < $1.key }
            .map { (name: $0.key, value: RawText($0.value.value)) }
    }

    // MARK: - Programs

    func start(_ request: ProgramRequest) async throws -> any Program {
        try checkOpen()
        let extras = takeExtras(request.environment)
        let start = SessionStart(
            kind: request.kind,
            environment: carried + request.environment.filter { !Self.isOwn($0.name) },
            pty: request.pty,
            extras: extras
        )
        let program = try await start.run(connection, loop)
        let isLate = state.withLock { state in
            guard state.closing == nil else { return true }
            state.programs = state.programs.filter { !$0.value.isOver }
            state.programs[ObjectIdentifier(program)] = program
            return false
        }
        guard !isLate else {
            await program.terminate()
            throw shuttingDown()
        }
        return program
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try checkOpen()
        do {
            try await FilePut(file: file).run(in: self)
        } catch let error as CodedError {
            throw CodedError(.sshproxyFileFailed, detail: file.path, cause: error)
        }
    }

    // MARK: - Forwarding

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try checkOpen()
        if case .tcp(let host, _) = destination {
            // The target looks names up, and it is the target's network.
            if let address = IPAddress(host) {
                _ = try permission.permitted([address], from: .workspace)
            } else {
                try permission.permitUnresolved()
            }
        }
        logger.emit(.sshproxyTcpForward)
        let channel = FarChannel(.stream, connection: connection, loop: loop)
        do {
            try await channel.open(.direct(ForwardTarget(destination)))
        } catch let refusal as FarRefusal {
            logger.emit(.sshproxyBackendForwardFailed, ["reason": "\(refusal)"])
            throw CodedError(
                .sshproxyBackendForwardFailed,
                detail: refusal.description,
                personText: "The target server did not open the connection: \(refusal.text)",
                cause: ChannelOpenRefused(reason: refusal.reason, text: refusal.text)
            )
        }
        return SSHProxyStream(channel: channel)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try checkOpen()
        let listener = FarListener(connection: connection, place: place, loop: loop)
        switch place {
        case .tcp, .unixSocket: break
        case .x11(let request):
            guard request.hasCookie else {
                throw CodedError(.sshproxyX11Failed, detail: "the cookie is no hexadecimal number")
            }
            listener.environment = [(Self.ownName, remember(.x11(request)))]
        case .agent: listener.environment = [(Self.ownName, remember(.agentForwarding))]
        }
        try await listener.listen()
        return listener
    }

    /// Names, among the variables of a program, what else its session shall ask for. No client
    /// can: the values are known here alone.
    private static let ownName = "BERTH_SSHPROXY_REQUEST"

    private static func isOwn(_ name: String) -> Bool {
        // The target says itself where its client comes from: it is the gateway.
        name == ownName || name == "SSH_CLIENT"
    }

    private func remember(_ request: SessionRequest) -> String {
        state.withLock { state in
            state.lastExtra += 1
            let token = "\(state.lastExtra)-\(UInt64.random(in: .min ... .max))"
            state.extras[token] = request
            return token
        }
    }

    private func takeExtras(_ environment: [(name: String, value: RawText)]) -> [SessionRequest] {
        state.withLock { state in
            environment.filter { $0.name == Self.ownName }
                .compactMap { state.extras.removeValue(forKey: $0.value.text) }
        }
    }

    // MARK: - End

    func close() async {
        let task = state.withLock { state in
            let task = state.closing ?? Task { await self.finish() }
            state.closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        logger.emit(.sshproxyDisconnected)
        let programs = state.withLock { state in
            defer { state.programs = [:] }
            return state.programs.values.filter { !$0.isOver }
        }
        if !programs.isEmpty { await end(programs) }
        await connection.close()
    }

    private func end(_ programs: [SSHProxyProgram]) async {
        logger.emit(.sshproxyShutdown, ["programs": "\(programs.count)"])
        for program in programs {
            // One that has just ended needs no signal.
            try? await program.signal("TERM")
        }
        await withTaskGroup(of: Void.self) { group in
            for program in programs {
                group.addTask {
                    // However it ends, terminate() follows.
                    _ = try? await program.exit(within: Self.endTime)
                }
            }
        }
        for program in programs { await program.terminate() }
    }

    private func checkOpen() throws {
        guard state.withLock({ $0.closing == nil }) else { throw shuttingDown() }
    }

    private func shuttingDown() -> CodedError {
        logger.emit(.sshproxyShuttingDown)
        return CodedError(.sshproxyShuttingDown)
    }
}

extension ForwardTarget {
    /// The client's address stays with the gateway.
    fileprivate init(_ destination: DialDestination) {
        switch destination {
        case .tcp(let host, let port):
            let nobody = ForwardOrigin(host: "127.0.0.1", port: 0)
            self = .tcp(host: host, port: UInt32(port), originator: nobody)
        case .unixSocket(let path): self = .unixSocket(path: path)
        }
    }
}

extension X11Request {
    /// Whether the cookie is what RFC 4254 §6.3.1 says: whole bytes in hexadecimal digits.
    fileprivate var hasCookie: Bool {
        cookie.utf8.count.isMultiple(of: 2) && cookie.allSatisfy { $0.isASCII && $0.isHexDigit }
    }
}
