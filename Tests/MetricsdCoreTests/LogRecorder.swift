import Logging
import Synchronization

/// Remembers the code of every line logged through `logger`.
final class LogRecorder: Sendable {
    private let lines = Mutex<[String]>([])

    var codes: [String] { lines.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard let code = event.metadata?["code"] else { return }
            recorder.lines.withLock { $0.append("\(code)") }
        }
    }
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
