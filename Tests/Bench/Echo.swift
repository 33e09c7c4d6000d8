import ArgumentParser
import NIOCore
import NIOPosix
import SharedSSH

/// One byte there and back.
struct Echo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends single bytes to a running `cat`; prints the latency."
    )

    @OptionGroup var target: Target
    @Option(help: "Bytes.") var count = 10_000
    @Option(help: "Command that echoes.") var command = "cat"
    @Option(help: "Process of the server, for its CPU time.") var pid: Int?

    private struct Result: Encodable {
        let bench = "echo"
        var count: Int
        var p50Microseconds: Double
        var p99Microseconds: Double
        var maximumMicroseconds: Double
        var serverCPUMicroseconds: Double?
    }

    func run() async throws {
        let client = try await target.logIn(
            try target.settings(),
            try target.credential(),
            on: MultiThreadedEventLoopGroup.singleton
        )
        let session = try await client.openSession()
        guard try await session.request(.exec(command: RawText(command))) else {
            throw LoginRefused()
        }
        let before = pid.flatMap { processTime(of: $0) }
        let times = try await echoes(session)
        let cpu = pid.flatMap { processTime(of: $0) }
        try report(
            Result(
                count: count,
                p50Microseconds: times.percentile(0.5) * 1e6,
                p99Microseconds: times.percentile(0.99) * 1e6,
                maximumMicroseconds: (times.max() ?? 0) * 1e6,
                serverCPUMicroseconds: cpu.flatMap { after in
                    before.map { (after - $0) * 1e6 / Double(max(1, count)) }
                }
            )
        )
        await client.close()
    }

    private func echoes(_ session: SSHClientSession) async throws -> [Double] {
        let clock = ContinuousClock()
        let byte = ByteBuffer(string: "x")
        var times: [Double] = []
        for _ in 0..<count {
            let start = clock.now
            try await session.write(byte)
            guard try await session.read() != nil else { throw ChannelClosed() }
            times.append((clock.now - start).seconds)
        }
        return times
    }
}
