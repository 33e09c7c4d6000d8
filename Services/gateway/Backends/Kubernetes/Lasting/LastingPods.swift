import Foundation
import Logging
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedTracing
import SharedWaiting

/// The pods of the mode `persistent`: who of this gateway uses them, told to everybody by
/// annotations.
actor LastingPods {
    private struct Use {
        var count = 0
        /// Tells everybody, one call after the other: what is told last has to be what counts.
        var telling: Task<Void, Never>?
        /// Until it is told anew.
        var pause: Task<Void, Never>?
    }

    /// How often a use is told anew.
    private static let interval = Duration.seconds(30)

    private let client: ClusterClient
    private let instance: String
    private let logger: Logger
    private var openings: [String: Latch<Pod>] = [:]
    private var uses: [String: Use] = [:]

    init(client: ClusterClient, instance: String, logger: Logger) {
        self.client = client
        self.instance = instance
        self.logger = logger
    }

    /// The pod that `open` finds or makes. Callers at the same time share one opening, which goes
    /// on when one of them leaves.
    func pod(
        _ namespace: String,
        _ name: String,
        _ open: @escaping @Sendable () async throws -> Pod
    ) async throws -> Pod {
        let key = "\(namespace)/\(name)"
        if let running = openings[key] { return try await running.value() }
        let latch = Latch<Pod>()
        openings[key] = latch
        // Bounded by the opening's own deadline.
        Task {
            do {
                latch.settle(.success(try await open()))
            } catch {
                latch.settle(.failure(error))
            }
            openings[key] = nil
        }
        return try await latch.value()
    }

    // MARK: - Use

    func began(_ pod: Pod) {
        uses[pod.uid, default: Use()].count += 1
        tell(pod)
    }

    func ended(_ pod: Pod) async {
        guard uses[pod.uid] != nil else { return }
        uses[pod.uid]?.count -= 1
        tell(pod)
        guard let use = uses[pod.uid], use.count <= 0 else { return }
        await use.telling?.value
    }

    /// Whether a connection of this gateway uses the pod.
    func isUsed(_ pod: Pod) -> Bool { (uses[pod.uid]?.count ?? 0) > 0 }

    private func tell(_ pod: Pod) {
        uses[pod.uid]?.pause?.cancel()
        guard let use = uses[pod.uid], use.telling == nil else { return }
        uses[pod.uid]?.telling = Span.without { Task { await keepTelling(pod) } }
    }

    private func keepTelling(_ pod: Pod) async {
        while let use = uses[pod.uid] {
            await say(pod, use.count)
            // Somebody came or left meanwhile.
            guard uses[pod.uid]?.count == use.count else { continue }
            guard use.count > 0 else { break }
            // Cancelled: there is news.
            let pause = Task { _ = try? await Task.sleep(for: Self.interval) }
            uses[pod.uid]?.pause = pause
            await pause.value
        }
        uses[pod.uid] = nil
    }

    private func say(_ pod: Pod, _ count: Int) async {
        let now = Int(Date().timeIntervalSince1970)
        let patch: ConfigTree = [
            "metadata": [
                "annotations": .map([
                    PodKeys.presence + instance: count > 0 ? .string("\(count)") : .null,
                    PodKeys.used: .string("\(now)"),
                ])
            ]
        ]
        do {
            try await client.limited().patchPod(pod.name, namespace: pod.namespace, patch)
        } catch is CancellationError {
            return
        } catch {
            logger.emit(.kubernetesPodMarkFailed, ["reason": "\(error)"])
        }
    }
}
