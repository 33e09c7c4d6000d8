package import Logging
import NIOPosix
import ServiceLifecycle
import SharedConfig
import SharedLogging
import SharedMessages

/// Looks for changed rules at an interval until its task ends.
package struct RuleWatcher: Service, CustomStringConvertible {
    private let book: RuleBook
    private let interval: Duration
    private let logger: Logger

    package init(_ book: RuleBook, every interval: Duration, logger: Logger) {
        self.book = book
        self.interval = interval
        self.logger = logger
    }

    package var description: String { "rules" }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            while true {
                do {
                    try await Task.sleep(for: interval)
                    try await refresh()
                } catch is CancellationError {
                    return  // which is how a watcher ends, also in the middle of a look
                }
            }
        }
    }

    /// Reads the rules of `paths` anew, on a thread that may block, and logs what came of it.
    package func refresh(paths: [String]? = nil) async throws {
        let book = book
        let outcome = try await NIOThreadPool.singleton.runIfActive { book.refresh(paths: paths) }
        switch outcome {
        case .unchanged: break
        case .replaced(let edition): logger.emit(.configdRulesLoaded, edition.labels)
        case .rejected(let problems):
            let texts = problems.list.map { Logger.MetadataValue.string($0.description) }
            logger.emit(.configdRulesRejected, ["problems": .array(texts)])
        }
    }
}
