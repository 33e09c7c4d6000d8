import ArgumentParser
import NIOPosix
import SSHTestServer
import SharedSSH

/// The engine alone, without gateway and backend.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves SSH with the test programs (cat, sink, zeros N, …); anyone may log in."
    )

    @Option(help: "Port on 127.0.0.1.") var port = 2222
    @Option(help: "Threads.") var threads = 4
    @Option(help: "Seconds to serve.") var seconds = 3600

    func run() async throws {
        let server = try await TestServer.start(
            try TestServer.settings(),
            port: port,
            group: MultiThreadedEventLoopGroup(numberOfThreads: threads)
        )
        print("listening on 127.0.0.1:\(server.port)")
        try await Task.sleep(for: .seconds(seconds))
        await server.server.shutdown(deadline: .seconds(1), text: "The benchmark is over.")
    }
}
