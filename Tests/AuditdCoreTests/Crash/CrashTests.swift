import Foundation
import Testing

@testable import AuditdCore

/// Kills, torn writes, full disks and failing stores, by the number; each run is repeatable by its
/// seed. `make crash-audit` has many of them.
@Suite(.serialized) struct CrashTests {
    private static let settings = ProcessInfo.processInfo.environment
    private static func setting(_ name: String, _ fallback: Int) -> Int {
        settings[name].flatMap { Int($0) } ?? fallback
    }

    private static let isPossible = StrictS3.python != nil && Daemon.isBuilt

    @Test(
        "whatever happens, no acknowledged byte is lost, all is readable, and the ledger verifies",
        .enabled(if: isPossible, "moto's server or berth-auditd is missing")
    )
    func runs() async throws {
        let count = Self.setting("BERTH_CRASH_COUNT", 15)
        let seed = UInt64(Self.setting("BERTH_CRASH_SEED", 1))
        let lanes = Self.setting("BERTH_CRASH_LANES", 2)
        let next = Locked(0)
        let total = Locked(CrashTotal())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<lanes {
                group.addTask {
                    try await lane(total) {
                        next.withLock { next in
                            defer { next += 1 }
                            return next < count ? seed &+ UInt64(next) : nil
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let result = total.withLock { $0 }
        print(result)
        #expect(result.runs == count)
        #expect(result.problems == [])
    }

    /// Runs of a store's life: its memory grows.
    private static let perStore = 60

    private func lane(_ total: Locked<CrashTotal>, _ next: () -> UInt64?) async throws {
        var seed = next()
        while seed != nil {
            try await StrictS3.run { s3 in
                for _ in 0..<Self.perStore {
                    guard let number = seed else { return }
                    let plan = CrashPlan(
                        seed: number,
                        allowsSmallDisk: SmallDisk.isPossible,
                        tears: Self.setting("BERTH_CRASH_TEARS", 0) > 0
                    )
                    let start = ContinuousClock.now
                    let report = try await withFolder { folder in
                        var run = CrashRun(plan, s3, in: folder)
                        return try await run.run()
                    }
                    try await s3.control(["reset": true, "bucket": StrictS3.bucket])
                    let time = ContinuousClock.now - start
                    total.withLock { $0.add(report, plan, time) }
                    seed = next()
                }
            }
        }
    }
}

private struct CrashTotal: CustomStringConvertible {
    private(set) var runs = 0
    private(set) var problems: [String] = []
    private var sum = CrashRun.Report()
    private var time = Duration.zero

    mutating func add(_ report: CrashRun.Report, _ plan: CrashPlan, _ time: Duration) {
        runs += 1
        sum.acknowledged += report.acknowledged
        sum.kills += report.kills
        sum.torn += report.torn
        sum.fullDisks += report.fullDisks
        sum.deadGateways += report.deadGateways
        sum.storeFaults += report.storeFaults
        sum.revivals += report.revivals
        self.time += time
        problems += report.problems.map { "\(plan): \($0)" }
        for problem in report.problems { print("\(plan): \(problem)") }
        if runs % 20 == 0 { print(self) }
    }

    var description: String {
        """
        \(runs) runs: \(sum.kills) kills of auditd, \(sum.deadGateways) of the gateway, \
        \(sum.torn) torn writes, \(sum.fullDisks) full disks, \(sum.storeFaults) failing stores, \
        \(sum.revivals) starts that failed; \
        \(sum.acknowledged) bytes acknowledged, \(problems.count) problems; \
        \((time / Double(max(1, runs))) / .seconds(1)) s each
        """
    }
}
