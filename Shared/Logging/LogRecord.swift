import Logging
import SharedMessages

/// One log record, ready to be written in any format.
struct LogRecord: Sendable {
    /// Seconds since 1970 (UTC).
    var time: Int
    var level: MessageLevel
    /// The identifier of the message code.
    var code: String
    var message: String
    var labels: Logger.Metadata
}
