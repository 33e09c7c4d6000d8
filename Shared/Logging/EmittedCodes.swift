import Foundation
package import SharedMessages
import Synchronization

/// Writes each distinct code that this process emits once into a file, one a line.
///
/// For test runs: with the variable `BERTH_CODES_FILE` set, every process appends to that file, and the run
/// can say which codes really happen. Events below the configured log level count too.
package final class EmittedCodes: Sendable {
    /// The variable that names the file.
    package static let variable = "BERTH_CODES_FILE"

    /// The collection asked for by the environment of this process; `nil` without the variable.
    package static let current: EmittedCodes? = ProcessInfo.processInfo.environment[variable]
        .flatMap { $0.isEmpty ? nil : EmittedCodes(path: $0) }

    private let path: String
    private let seen = Mutex<Set<String>>([])

    /// Appends to the file at `path`, which is created when the first code is recorded.
    package init(path: String) {
        self.path = path
    }

    /// Notes `code`; does nothing the second time. A file that cannot be written is ignored: the
    /// run's own check misses the codes then.
    package func record(_ code: MessageCode) {
        seen.withLock { seen in
            guard seen.insert(code.id).inserted else { return }
            append(code.id + "\n")
        }
    }

    /// One `O_APPEND` write, so that lines of several processes do not mix.
    private func append(_ line: String) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        defer { close(file) }
        var line = line
        line.withUTF8 { bytes in
            _ = unsafe write(file, bytes.baseAddress, bytes.count)
        }
    }
}
