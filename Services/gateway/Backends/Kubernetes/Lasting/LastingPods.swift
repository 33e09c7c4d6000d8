import Foundation
import Logging
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting

/// The pods of the mode `persistent`: who of this gateway uses them, told to everybody by
/// annotations.
actor LastingPods {
    private struct Use {
        var count = 0
        var telling: Task<Void, Never>?
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
        guard var use = uses[pod.uid] else { return }
        use.count -= 1
        uses[pod.uid] = use
        tell(pod)
        if use.count <= 0 {
            await uses[pod.uid]?.telling?.value
            if uses[pod.uid]?.count == 0 { uses[pod.uid] = nil }
        }
    }

    /// Whether a connection of this gateway uses the pod.
    func isUsed(_ pod: Pod) -> Bool { (uses[pod.uid]?.count ?? 0) > 0 }

    private func tell(_ pod: Pod) {
        uses[pod.uid]?.telling?.cancel()
        let count = uses[pod.uid]?.count ?? 0
        uses[pod.uid]?.telling = Task {
            repeat {
                await say(pod, count)
                guard count > 0 else { return }
                // Cancelled: somebody came or left.
                guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
            } while !Task.isCancelled
        }
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
