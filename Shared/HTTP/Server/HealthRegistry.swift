import Synchronization

/// What a daemon needs to be able to work, asked by `/readyz`.
package final class HealthRegistry: Sendable {
    /// Answers `nil` when all is well, else why not, without secrets. Has to stop when cancelled.
    package typealias Check = @Sendable () async -> String?

    private struct State {
        var checks: [(name: String, check: Check)] = []
        var isStopping = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Adds a check under a short name, for example `database`.
    package func register(_ name: String, _ check: @escaping Check) {
        state.withLock { $0.checks.append((name, check)) }
    }

    /// From now on not ready, so that balancers send no new work.
    package func stop() { state.withLock { $0.isStopping = true } }

    /// What keeps the daemon from working, in the order of registration; empty when it is ready.
    ///
    /// Asks every check at the same time; one that takes longer than two seconds has failed.
    package func reasons() async -> [HealthReason] {
        let (checks, isStopping) = state.withLock { ($0.checks, $0.isStopping) }
        guard !isStopping else { return [HealthReason(name: "process", reason: "is stopping")] }
        let found = await withTaskGroup(of: (Int, String?).self) { group in
            for (index, entry) in checks.enumerated() {
                group.addTask { (index, await within(.seconds(2), entry.check)) }
            }
            return await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        return checks.enumerated().compactMap { index, entry in
            found[index].map { HealthReason(name: entry.name, reason: $0) }
        }
    }
}

/// A check that failed.
package struct HealthReason: Sendable, Hashable, Codable {
    package var name: String
    package var reason: String

    package init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }
}

private func within(
    _ limit: Duration,
    _ check: @escaping HealthRegistry.Check
) async -> String? {
    await withTaskGroup(of: String?.self) { group in
        group.addTask { await check() }
        group.addTask {
            do {
                try await Task.sleep(for: limit)
                return "gave no answer in time"
            } catch {
                return nil  // cancelled because the check was quicker
            }
        }
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
}
