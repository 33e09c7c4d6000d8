import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedWaiting

/// Ends what runs in a container. What fails is logged: the removal that follows needs none of it.
struct ContainerEnding: Sendable {
    let engine: EngineClient
    let timeouts: DockerTimeoutsConfig
    let logger: Logger

    /// How long processes have between TERM and KILL, in seconds; as ContainerSSH has it.
    private static let grace = 10

    /// Sends the container's first process KILL, which is the end of all in it.
    func kill(_ container: String) async {
        let labels: Logger.Metadata = ["container": "\(container)", "signal": "KILL"]
        logger.emit(.dockerContainerSignal, labels)
        let late = CodedError(.dockerContainerSignalFailed, detail: "not delivered in time")
        do {
            try await within(timeouts.signal, late: late) { [engine] in
                try await engine.killContainer(container)
            }
        } catch {
            report(error, .dockerContainerSignalFailed, labels)
        }
    }

    /// Sends TERM to the container's first process, and later KILL.
    func stop(_ container: String) async {
        let labels: Logger.Metadata = ["container": "\(container)"]
        logger.emit(.dockerContainerStop, labels)
        let seconds = min(Self.grace, Int(timeouts.containerStop.components.seconds / 2))
        do {
            try await engine.stopContainer(
                container,
                grace: seconds,
                within: timeouts.containerStop
            )
        } catch {
            report(error, .dockerContainerStopFailed, labels)
        }
    }

    private func report(_ error: any Error, _ code: MessageCode, _ labels: Logger.Metadata) {
        // Not running, or gone: as wanted.
        let status = (error as? CodedError)?.engineStatus
        guard status != 404, status != 409, !(error is CancellationError) else { return }
        if let error = error as? CodedError {
            logger.emit(error, labels)
        } else {
            logger.emit(code, labels, text: "\(error)")
        }
    }
}
