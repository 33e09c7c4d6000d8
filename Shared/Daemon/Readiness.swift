import SharedHTTP
import Synchronization

/// The health check that fails until every service is up.
final class Readiness: Sendable {
    private let isReached = Atomic(false)

    init(_ health: HealthRegistry) {
        health.register("services") { [self] in
            isReached.load(ordering: .relaxed) ? nil : "are starting"
        }
    }

    func reached() { isReached.store(true, ordering: .relaxed) }
}
