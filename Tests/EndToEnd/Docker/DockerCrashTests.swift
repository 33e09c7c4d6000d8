import Foundation
import Glibc
import SharedMessages
import Synchronization
import Testing

/// How often, and from which seed: a long run is `make crash-docker`.
private enum Crashes {
    private static let environment = ProcessInfo.processInfo.environment
    static let count = environment["BERTH_CRASH_COUNT"].flatMap { Int($0) } ?? 10
    static let seed =
        environment["BERTH_CRASH_SEED"].flatMap { UInt64($0) }
        ?? UInt64.random(in: 0..<1_000_000)
}

@Suite(
    "Gateways that are killed under load",
    .enabled(if: Engine.isThere, Engine.reason),
    .timeLimit(.minutes(8 + Crashes.count / 6))
)
struct DockerCrashTests {
    /// The lease is these and a minute.
    private static let settings = [
        "backend=docker", "docker.timeouts.containerStart=10s", "docker.timeouts.containerStop=10s",
    ]

    @Test("kill -9 again and again, in all modes at once, leaves no container behind the lease")
    func killed() async throws {
        let lasting = "berth-crash-\(UInt32.random(in: 0 ... .max))"
        try await Installation.withEngineUsers(Self.settings, lasting: lasting) { installation in
            var random = SeededNumbers(seed: Crashes.seed)
            let load = CrashLoad(installation, seed: Crashes.seed)
            let start = ContinuousClock.now
            let result: Result<Void, any Error>
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<10 { group.addTask { try await load.work(number) } }
                    for _ in 0..<Crashes.count {
                        try await load.awaitStep(&random)
                        load.isServed.withLock { $0 = false }
                        try await installation.stop(.gateway, SIGKILL)
                        try await installation.restart(.gateway)
                        load.isServed.withLock { $0 = true }
                    }
                    load.isOver.withLock { $0 = true }
                    try await group.waitForAll()
                }
                try await installation.stop(.gateway, SIGKILL)
                try await installation.restart(.gateway)
                let soon = try await containers(installation).filter { $0 != lasting }
                try await wait(.seconds(240), for: "no container is left; seed \(Crashes.seed)") {
                    let left = try await containers(installation)
                    return left.allSatisfy { $0 == lasting || $0.hasPrefix("berth-pool-") }
                }
                // What waits in the pool is the living gateway's.
                try await installation.stop(.gateway, SIGKILL)
                try await wait(.seconds(150), for: "the pool is gone; seed \(Crashes.seed)") {
                    try await containers(installation).allSatisfy { $0 == lasting }
                }
                let made = installation.count(.dockerContainerCreate)
                let done = load.done.withLock { $0 }
                #expect(made >= Crashes.count)
                #expect(done > 0)
                print(
                    "seed \(Crashes.seed): \(Crashes.count) gateways killed in",
                    "\((ContinuousClock.now - start).components.seconds) s,",
                    "\(done) sessions done, \(load.lost.withLock { $0 }) lost,",
                    "\(made) containers made, \(soon.count) there right after the last kill,",
                    "0 left"
                )
                result = .success(())
            } catch {
                result = .failure(error)
            }
            _ = try await installation.run(Engine.program, ["docker", "rm", "-f", lasting])
            try result.get()
        }
    }

    /// The names of the installation's containers.
    private func containers(_ installation: Installation) async throws -> [Substring] {
        let run = installation.config.folder.lastPathComponent
        let end = try await installation.run(
            Engine.program,
            [
                "docker", "ps", "-a", "--format", "{{.Names}}", "--filter",
                "label=berth-test.run=\(run)",
            ]
        )
        try #require(end.status == 0, "\(end.errors)")
        return end.output.split(separator: "\n")
    }
}

/// People who come, work and leave, whatever becomes of the gateway.
private final class CrashLoad: Sendable {
    let isOver = Mutex(false)
    let isServed = Mutex(true)
    let done = Mutex(0)
    let lost = Mutex(0)

    private let installation: Installation
    private let seed: UInt64

    private static let steps: [MessageCode] = [
        .dockerContainerCreate, .dockerContainerAttach, .dockerContainerStart, .dockerExec,
        .dockerContainerRemove, .dockerContainerKept, .dockerContainerAdopted, .sshExit,
    ]

    init(_ installation: Installation, seed: UInt64) {
        self.installation = installation
        self.seed = seed
    }

    /// One person after the other, until it is over.
    func work(_ number: Int) async throws {
        var random = SeededNumbers(seed: seed &+ UInt64(number) &+ 1)
        let users = EngineUser.allCases
        while !isOver.withLock({ $0 }) {
            try await wait(.seconds(120), for: "a gateway") { isServed.withLock { $0 } }
            let user = users[number % users.count]
            let kind = Int.random(in: 0..<4, using: &random)
            let end = try await installation.ssh(
                ["true", "cat; echo end", "sleep 0.3; echo end", "sleep 100 & echo end"][kind],
                user.login,
                arguments: kind == 2 ? ["-tt"] : [],
                input: kind == 1 ? .text("x") : .nothing,
                within: .seconds(120)
            )
            if end.status == 0 {
                done.withLock { $0 += 1 }
            } else {
                lost.withLock { $0 += 1 }
            }
        }
    }

    /// Waits until the gateway has taken some more steps of some kind.
    func awaitStep(_ random: inout SeededNumbers) async throws {
        let step = Self.steps.randomElement(using: &random) ?? .dockerExec
        let count = Int.random(in: 1...8, using: &random)
        let mark = Data("\"\(step.id)\"".utf8)
        let log = installation.logFile(.gateway)
        var seen = 0
        let handle = try FileHandle(forReadingFrom: log)
        try handle.seekToEnd()
        let end = ContinuousClock.now + .seconds(20)
        try await wait(.seconds(150), for: "\(step.id)", every: .milliseconds(2)) {
            let news = try handle.readToEnd() ?? Data()
            var rest = news[...]
            while let found = rest.range(of: mark) {
                seen += 1
                rest = rest[found.upperBound...]
            }
            // A kind that seldom happens is not waited for.
            return seen >= count || ContinuousClock.now > end
        }
        try handle.close()
    }
}

/// The same numbers for the same seed (Steele, Lea and Flood's SplitMix64).
private struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
