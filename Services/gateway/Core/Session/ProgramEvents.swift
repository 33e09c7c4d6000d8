import Logging
import SharedLogging
import SharedMessages
import SharedSSH

/// The records about one program: it began, it ended.
struct ProgramEvents: Sendable {
    /// A longer command is cut; the recording has all of it.
    private static let longestCommand = 1024

    private let logger: Logger
    private let labels: Logger.Metadata
    private let start = ContinuousClock.now

    /// Writes the first record. `logger` carries who it is.
    init(_ request: ProgramRequest, showsCommand: Bool, logger: Logger) {
        self.logger = logger
        labels = Self.labels(request, showsCommand)
        logger.emit(.sessionProgramStarted, labels)
    }

    func ended(_ exit: ProgramExit) {
        var labels = labels
        switch exit {
        case .status(let status): labels["exitCode"] = .stringConvertible(status)
        case .signal(let name, _, _): labels["signal"] = "\(name)"
        }
        let duration = (ContinuousClock.now - start).roundedSeconds
        labels["duration"] = .stringConvertible(duration)
        logger.emit(.sessionProgramEnded, labels)
    }

    private static func labels(_ request: ProgramRequest, _ showsCommand: Bool) -> Logger.Metadata {
        let terminal = Logger.MetadataValue.stringConvertible(request.pty != nil)
        switch request.kind {
        case .shell: return ["kind": "shell", "terminal": terminal]
        case .subsystem(let name):
            return ["kind": "subsystem", "name": "\(name)", "terminal": terminal]
        case .exec(let command):
            var labels: Logger.Metadata = [
                "kind": "exec", "terminal": terminal,
                "length": .stringConvertible(command.bytes.count),
            ]
            if showsCommand {
                labels["command"] = "\(RawText(Array(command.bytes.prefix(longestCommand))))"
            }
            return labels
        }
    }
}
