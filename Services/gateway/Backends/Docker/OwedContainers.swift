import Logging
import SharedDocker
import SharedLogging
import SharedMessages
import SharedWaiting
import Synchronization

/// Containers that an engine in trouble did not remove, or may make long after it was asked to:
/// looked at again until it answers. What this gives up on is left to the lease.
final class OwedContainers: Sendable {
    /// Far more than people who wait for an engine that hangs.
    private static let most = 1024
    private static let patience = Duration.seconds(600)
    /// Of an engine that answers: how often a container that is not there is looked for.
    private static let looks = 4

    private let names = Mutex<Set<String>>([])

    /// Removes `container` later. `mayAppear` when it may not be there yet.
    func add(
        _ container: String,
        mayAppear: Bool,
        _ engine: EngineClient,
        _ logger: Logger
    ) {
        let isNew = names.withLock { names in
            names.count < Self.most && names.insert(container).inserted
        }
        guard isNew else { return }
        logger.emit(.dockerRemovalOwed, ["container": "\(container)"])
        // Bounded in number and time; it outlives the connection, and nobody waits for it.
        Task { [self] in
            await settle(container, looks: mayAppear ? Self.looks : 1, engine)
            names.withLock { _ = $0.remove(container) }
        }
    }

    private func settle(_ container: String, looks: Int, _ engine: EngineClient) async {
        let end = ContinuousClock.now + Self.patience
        var pause = BackOff(from: .milliseconds(500), upTo: .seconds(10))
        var looks = looks
        while ContinuousClock.now < end {
            do {
                try await Task.sleep(for: pause.take())
                return try await engine.removeContainer(container)
            } catch let error as CodedError where error.engineStatus == 404 {
                looks -= 1
                if looks == 0 { return }
            } catch is CancellationError {
                return
            } catch {
                // Still in trouble; the first failure was logged.
                continue
            }
        }
    }
}
