import ArgumentParser
import NIOCore
import NIOPosix
import SharedSSH

/// The engine alone, without gateway and backend.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves SSH with `cat`, `sink` and `zeros N`; anyone may log in."
    )

    @Option(help: "Port on 127.0.0.1.") var port = 2222
    @Option(help: "Threads.") var threads = 4
    @Option(help: "Seconds to serve.") var seconds = 3600

    func run() async throws {
        PacketMemory.keep()
        var settings = SSHServerSettings(
            transport: TransportSettings(hostKeys: [try SSHPrivateKey.generateEd25519()])
        )
        settings.maximumConnections = 100_000
        settings.limits.channels = 1000
        let server = SSHServer(
            settings: settings,
            group: MultiThreadedEventLoopGroup(numberOfThreads: threads),
            handlerFactory: { _, _, _ in BenchHandler() }
        )
        try await server.start(host: "127.0.0.1", port: port)
        print("listening on 127.0.0.1:\(server.boundAddress?.port ?? port)")
        try await Task.sleep(for: .seconds(seconds))
        await server.shutdown(deadline: .seconds(1), text: "The benchmark is over.")
    }
}
