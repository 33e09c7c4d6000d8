import ArgumentParser
import GatewayCore
import SharedConfig
import SharedDaemon
import SharedSSH
import Synchronization

/// Terminates SSH, asks the other daemons, runs the backend, enforces policy, records.
@main
struct Gateway: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-gateway",
        abstract: "An SSH server that gives every connection a container of its own."
    )
    @OptionGroup var options: DaemonOptions

    @Flag(help: "Serve the one connection on standard input, as inetd(8) passes it, and leave.")
    var inetd = false

    /// How this process was started, known before anything else happens.
    private static let start = Mutex<GatewayStart?>(nil)

    func prepareProcess() {
        let isSingle = inetd
        Self.start.withLock { $0 = GatewayStart(isSingle: isSingle) }
        PacketMemory.keep()
    }

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        let start = Self.start.withLock { $0 } ?? GatewayStart(isSingle: inetd)
        return try await Assembly(context, start).services()
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        config.health.client
    }
}

/// What a gateway's process was given by whoever started it.
struct GatewayStart: Sendable {
    /// As it was, before the sockets were taken out of the environment.
    let process: ProcessStart
    let inherited: InheritedSockets

    init(isSingle: Bool) {
        process = .ofThisProcess()
        var inherited = InheritedSockets.take()
        if isSingle { inherited.takeStandardInput() }
        self.inherited = inherited
    }
}
