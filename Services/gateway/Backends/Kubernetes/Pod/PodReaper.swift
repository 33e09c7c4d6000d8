import Foundation
import Logging
import SharedKubernetes
import SharedLogging
import SharedMessages
import Synchronization

/// Removes pods whose lease is over: what a gateway left that died before it held their first
/// process, those that have ended, and people's own that nobody has used for too long.
final class PodReaper: Sendable {
    /// Leases are minutes long.
    private static let interval = Duration.seconds(60)

    private let client: ClusterClient
    private let namespace: String
    private let lasting: LastingPods
    private let logger: Logger
    private let loop = Mutex<Task<Void, Never>?>(nil)
    private let lastSweep = Mutex<ContinuousClock.Instant?>(nil)

    init(client: ClusterClient, namespace: String, lasting: LastingPods, logger: Logger) {
        self.client = client
        self.namespace = namespace
        self.lasting = lasting
        self.logger = logger
    }

    deinit { loop.withLock { $0?.cancel() } }

    /// Sweeps now and every minute, as long as this reaper is there.
    func start() {
        loop.withLock { loop in
            guard loop == nil else { return }
            loop = Task { [weak self] in
                // Not held while it sleeps.
                while self != nil {
                    await self?.sweepIfDue()
                    // Cancelled: the reaper is gone.
                    guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
                }
            }
        }
    }

    /// Starts a sweep in the background if the last one is long enough ago.
    func sweepWhenDue() {
        if isDue() { Task { await self.sweep() } }
    }

    private func sweepIfDue() async {
        if isDue() { await sweep() }
    }

    private func isDue() -> Bool {
        let now = ContinuousClock.now
        return lastSweep.withLock { last in
            if let last, now - last < Self.interval { return false }
            last = now
            return true
        }
    }

    func sweep() async {
        do {
            let client = client.limited()
            let now = Date().timeIntervalSince1970
            for pod in try await client.pods(labels: PodKeys.lease, namespace: namespace)
            where Self.isOver(pod, at: now) {
                await remove(pod, client)
            }
            for pod in try await client.pods(labels: PodKeys.idle, namespace: namespace) {
                guard Self.isIdle(pod, at: now), await !lasting.isUsed(pod) else { continue }
                logger.emit(.kubernetesPodIdle, ["podName": "\(pod.name)"])
                await remove(pod, client)
            }
        } catch {
            logger.emit(.kubernetesPodRemoveFailed, ["reason": "\(error)"], level: .warning)
        }
    }

    /// Whether anybody may remove it.
    static func isOver(_ pod: Pod, at now: Double) -> Bool {
        guard !pod.isBeingDeleted, let lease = pod.labels[PodKeys.lease].flatMap(Double.init),
            let made = seconds(pod.created), now - made > lease
        else { return false }
        return pod.hasEnded || pod.annotations[PodKeys.attached] == nil
    }

    static func isIdle(_ pod: Pod, at now: Double) -> Bool {
        guard !pod.isBeingDeleted, let idle = pod.labels[PodKeys.idle].flatMap(Double.init),
            idle > 0, let made = seconds(pod.created)
        else { return false }
        let used = pod.annotations[PodKeys.used].flatMap(Double.init) ?? made
        return now - max(used, made) > idle
    }

    private static func seconds(_ date: String) -> Double? {
        (try? Date(date, strategy: .iso8601))?.timeIntervalSince1970
    }

    private func remove(_ pod: Pod, _ client: ClusterClient) async {
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(pod.labels[PodKeys.connectionID] ?? "")"
        await PodRemover(
            client: client,
            namespace: namespace,
            grace: 1,
            limit: .seconds(60),
            logger: logger
        ).remove(pod.name, uid: pod.uid, waits: false)
    }
}
