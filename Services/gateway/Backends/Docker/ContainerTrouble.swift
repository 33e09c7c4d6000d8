import GuestAgent
import Logging
import SharedDocker
import SharedLogging
import SharedMessages
import Synchronization

/// Asks the engine why a container, or a program in it, has ended.
final class ContainerTrouble: Sendable {
    /// When memory last ran out in containers, as far as somebody was told: one that stays has
    /// many connections.
    final class Told: Sendable {
        /// Far more containers than run at a time.
        private static let most = 10_000
        private let times = Mutex<[String: Int64]>([:])

        subscript(_ container: String) -> Int64 { times.withLock { $0[container] ?? 0 } }

        fileprivate func note(_ time: Int64, _ container: String) {
            times.withLock { times in
                if times.count >= Self.most, let oldest = times.min(by: { $0.value < $1.value }) {
                    times[oldest.key] = nil
                }
                times[container] = max(times[container] ?? 0, time)
            }
        }
    }

    private let engine: EngineClient
    private let container: String
    private let told: Told
    private let logger: Logger

    /// The engine's news of that come some milliseconds behind the process's end.
    private static let patience = Duration.milliseconds(700)

    init(engine: EngineClient, container: String, told: Told, logger: Logger) {
        self.engine = engine
        self.container = container
        self.told = told
        self.logger = logger
    }

    /// What the person is to be told, if the engine knows: that memory ran out.
    ///
    /// `nil` also from an engine that cannot be asked.
    func reason() async -> CodedError? {
        guard await isOutOfMemory() else { return nil }
        let error = CodedError(.containerOutOfMemory)
        logger.emit(error, ["container": "\(container)"])
        return error
    }

    private func isOutOfMemory() async -> Bool {
        let known = told[container]
        // An engine in trouble is reported by whoever needs it.
        let last = try? await engine.lastOutOfMemory(
            of: container,
            after: known,
            patience: Self.patience
        )
        if let last, last > known {
            told.note(last, container)
            return true
        }
        guard known == 0 else { return false }
        return (try? await engine.container(container))?.isOutOfMemory ?? false
    }
}
