import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH

/// The sockets on which the gateway listens for SSH.
///
/// Changing them has two steps, so that a configuration of which one part cannot work changes
/// nothing: `prepare` opens what is new, `commit` begins to use it and closes what is no longer
/// wanted.
actor Listeners {
    /// One socket; several have the same place where a port is reused.
    struct Open: Sendable {
        var origin: Origin
        var socket: ListeningSocket
        fileprivate var acceptor: SSHServer.AcceptorID?

        init(_ origin: Origin, _ socket: ListeningSocket) {
            self.origin = origin
            self.socket = socket
        }
    }

    enum Origin: Sendable, Hashable {
        case configuration
        /// Given by the service manager, which keeps it.
        case serviceManager
    }

    /// What is listened on from the commit on.
    struct Plan: Sendable {
        fileprivate var open: [Open]
    }

    private let server: SSHServer
    private let loops: [any EventLoop]
    private let logger: Logger
    private var open: [Open] = []

    init(server: SSHServer, group: any EventLoopGroup, logger: Logger) {
        self.server = server
        self.logger = logger
        loops = Array(group.makeIterator())
    }

    /// All sockets that listen.
    var sockets: [Open] { open }

    /// Opens what `config` asks for and is not open yet, all of it or nothing.
    ///
    /// `inherited` are sockets of a predecessor; those that fit are used, the others closed. Where
    /// the service manager gave sockets, these are all that is listened on.
    func prepare(_ config: SSHConfig, inherited: [Open] = []) async throws(CodedError) -> Plan {
        let given = (open + inherited).filter { $0.origin == .serviceManager }
        guard given.isEmpty else { return Plan(open: given) }
        let places = config.listen.addresses
        let options = ListenOptions(
            backlog: config.listenBacklog,
            reusesPort: config.reusePort,
            beside: places
        )
        let existing = open + inherited
        let loopCount = loops.count
        do {
            let open = try await NIOThreadPool.singleton.runIfActive {
                try Self.open(places, options, existing, loopCount)
            }
            return Plan(open: open)
        } catch {
            throw error as? CodedError ?? CodedError(.sshStartFailed, cause: error)
        }
    }

    private static func open(
        _ places: [ListenAddress],
        _ options: ListenOptions,
        _ existing: [Open],
        _ loopCount: Int
    ) throws -> [Open] {
        var existing = existing
        return try places.flatMap { place in
            let others = places.filter { $0 != place }
            // A listener stays as it was opened, whatever the options say now.
            let kept = existing.filter { fits($0.socket, place, others) }
            existing.removeAll { open in kept.contains { $0.socket === open.socket } }
            guard kept.isEmpty else { return kept }
            var count = 1
            if case .tcp = place, options.reusesPort { count = loopCount }
            do {
                return try sockets(place, count, options)
            } catch {
                throw CodedError(.sshStartFailed, detail: "\(place): \(error)", cause: error)
            }
        }
    }

    private static func sockets(
        _ place: ListenAddress,
        _ count: Int,
        _ options: ListenOptions
    ) throws -> [Open] {
        var sockets = [try ListeningSocket(place, options)]
        // With port 0 the others take the port that the first one got.
        var again = place
        if case .tcp(let host, _) = place, let port = sockets[0].address.port {
            again = .tcp(host: host, port: port)
        }
        while sockets.count < count { sockets.append(try ListeningSocket(again, options)) }
        return sockets.map { Open(.configuration, $0) }
    }

    /// Port 0 takes any port that no other listener asks for.
    private static func fits(
        _ socket: ListeningSocket,
        _ place: ListenAddress,
        _ others: [ListenAddress]
    ) -> Bool {
        guard socket.serves(place) else { return false }
        guard case .tcp(_, 0) = place else { return true }
        return !others.contains { socket.serves($0) }
    }

    /// Listens as planned; connections of sockets that are no longer wanted go on.
    func commit(_ plan: Plan) async throws {
        var next = plan.open
        for (number, listener) in next.enumerated() where listener.acceptor == nil {
            let loop = isShared(listener, in: next) ? loops[number % loops.count] : nil
            next[number].acceptor = try await server.accept(
                from: try listener.socket.duplicate(),
                isUnix: listener.socket.isUnix,
                on: loop
            )
            report(listener.socket)
        }
        let kept = Set(next.map { ObjectIdentifier($0.socket) })
        let previous = open
        open = next
        for listener in previous where !kept.contains(ObjectIdentifier(listener.socket)) {
            await stop(listener)
            listener.socket.removeName()
            logger.emit(.gatewayListenerClosed, labels(listener.socket))
        }
    }

    /// Stops accepting. Without `keepingNames` nobody can connect any more; with them the sockets
    /// go on in another process.
    func close(keepingNames: Bool = false) async {
        let all = open
        open = []
        for listener in all {
            await stop(listener)
            if !keepingNames, listener.origin == .configuration { listener.socket.removeName() }
        }
    }

    private func stop(_ listener: Open) async {
        guard let acceptor = listener.acceptor else { return }
        await server.stopAccepting(from: acceptor)
    }

    private func isShared(_ listener: Open, in all: [Open]) -> Bool {
        all.count { $0.socket.address == listener.socket.address } > 1
    }

    private func report(_ socket: ListeningSocket) {
        logger.emit(.gatewayListening, labels(socket))
    }

    private func labels(_ socket: ListeningSocket) -> Logger.Metadata {
        if let path = socket.address.pathname { return ["address": "\(path)"] }
        return [
            "address": "\(socket.address.ipAddress ?? "")", "port": "\(socket.address.port ?? 0)",
        ]
    }
}
