import ArgumentParser
import NIOPosix
import SharedSSH

/// Key exchange and login, over and over.
struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects and logs in many times; prints the rate."
    )

    @OptionGroup var target: Target
    @Option(help: "Logins in all.") var count = 2000
    @Option(help: "Clients at a time.") var concurrency = 4
    @Option(help: "Process of the server, for its CPU time.") var pid: Int?

    private struct Result: Encodable {
        let bench = "load"
        var count: Int
        var failures: Int
        var concurrency: Int
        var seconds: Double
        var perSecond: Double
        var p50Milliseconds: Double
        var p99Milliseconds: Double
        var serverCPUMilliseconds: Double?
    }

    func run() async throws {
        let before = pid.flatMap { processTime(of: $0) }
        let clock = ContinuousClock()
        let start = clock.now
        let times = try await logins()
        let seconds = (clock.now - start).seconds
        let good = times.compactMap { $0 }
        let cpu = pid.flatMap { processTime(of: $0) }
        try report(
            Result(
                count: times.count,
                failures: times.count - good.count,
                concurrency: concurrency,
                seconds: seconds,
                perSecond: Double(good.count) / seconds,
                p50Milliseconds: good.percentile(0.5) * 1000,
                p99Milliseconds: good.percentile(0.99) * 1000,
                serverCPUMilliseconds: cpu.flatMap { after in
                    before.map { (after - $0) * 1000 / Double(times.count) }
                }
            )
        )
    }

    private func logins() async throws -> [Double?] {
        let settings = try target.settings()
        let credential = try target.credential()
        let (target, count, concurrency) = (target, count, concurrency)
        return await withTaskGroup(of: [Double?].self) { group in
            for client in 0..<concurrency {
                let share = count / concurrency + (client < count % concurrency ? 1 : 0)
                group.addTask {
                    await Self.logins(share, target, settings, credential)
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func logins(
        _ count: Int,
        _ target: Target,
        _ settings: SSHClientSettings,
        _ credential: Credential
    ) async -> [Double?] {
        let clock = ContinuousClock()
        var times: [Double?] = []
        for _ in 0..<count {
            let start = clock.now
            let client = try? await target.logIn(
                settings,
                credential,
                on: MultiThreadedEventLoopGroup.singleton
            )
            // A login that failed is reported as a failure, whatever the reason.
            times.append(client == nil ? nil : (clock.now - start).seconds)
            await client?.close()
        }
        return times
    }
}
