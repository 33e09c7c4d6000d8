import Logging
import SharedDocker
import SharedLogging
import SharedMessages
import SharedWaiting

/// Removes containers, whatever happens to whoever asks for it.
struct ContainerRemover: Sendable {
    let engine: EngineClient
    /// For the whole removal, repetitions included.
    let limit: Duration
    let logger: Logger
    /// Where what was not removed is remembered; `nil` where somebody comes again anyway.
    var owed: OwedContainers?

    /// Returns when the container is gone, or the time is over. Runs to its end even when the
    /// calling task is cancelled.
    func remove(_ container: String) async {
        await Task { await run(container) }.value
    }

    private func run(_ container: String) async {
        let labels: Logger.Metadata = ["container": "\(container)"]
        logger.emit(.dockerContainerRemove, labels)
        do {
            try await within(
                limit,
                late: CodedError(.dockerContainerRemoveFailed, detail: "not removed in time"),
                { try await self.repeatedly(container) }
            )
            logger.emit(.dockerContainerRemoveSuccessful, labels)
        } catch let error as CodedError {
            logger.emit(error, labels)
            owed?.add(container, mayAppear: false, engine, logger)
        } catch {
            logger.emit(.dockerContainerRemoveFailed, labels, text: "\(error)")
        }
    }

    private func repeatedly(_ container: String) async throws {
        var pause = BackOff(from: .milliseconds(20), upTo: .seconds(2))
        while true {
            do {
                return try await engine.removeContainer(container, within: limit)
            } catch let error as CodedError {
                if error.engineStatus == 404 { return }
                // 409: the engine is removing it already; it is gone when the answer is 404.
                guard error.isRetryable || error.engineStatus == 409 else { throw error }
            }
            try await Task.sleep(for: pause.take())
        }
    }
}
