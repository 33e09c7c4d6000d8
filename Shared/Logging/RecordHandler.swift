package import Logging
import SharedMessages

/// The handler behind every `Logger` of a process: makes records of log events.
///
/// A logger without a level of its own follows the configured one, also after a reload; setting
/// `logLevel` on a logger overrides it for that logger, in both directions.
package struct RecordHandler: LogHandler {
    package var metadata: Logger.Metadata
    package var metadataProvider: Logger.MetadataProvider?
    private let writer: LogWriter
    private var ownLevel: Logger.Level?

    /// Writes to `writer`; a non-empty `module` becomes the label `module` of every record.
    package init(
        module: String,
        writer: LogWriter,
        provider: Logger.MetadataProvider? = nil
    ) {
        metadataProvider = provider
        metadata = module.isEmpty ? [:] : [LogLabel.module: .string(module)]
        self.writer = writer
    }

    package var logLevel: Logger.Level {
        get { ownLevel ?? Logger.Level(writer.level) }
        set { ownLevel = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var labels = metadata
        if let provided = metadataProvider?.get() { labels.merge(provided) { $1 } }
        if let own = event.metadata { labels.merge(own) { $1 } }
        let code = labels.removeValue(forKey: LogLabel.code).map { "\($0)" }
        let known = code.flatMap(MessageCode.named)
        let level = severity(of: event, known)
        guard known?.isAudit == true || level >= threshold else { return }
        writer.write(
            LogRecord(
                time: LogTime.now(),
                level: level,
                code: code ?? MessageCode.logUncoded.id,
                message: text(of: event),
                labels: Redaction.masked(labels)
            )
        )
    }

    private var threshold: MessageLevel { ownLevel.map(MessageLevel.init) ?? writer.level }

    /// swift-log has one level for `crit`, `alert` and `emerg`; the code knows which is meant.
    private func severity(of event: LogEvent, _ code: MessageCode?) -> MessageLevel {
        guard event.level == .critical, let code, code.level > .crit else {
            return MessageLevel(event.level)
        }
        return code.level
    }

    private func text(of event: LogEvent) -> String {
        let message = event.error.map { "\(event.message) (\($0))" } ?? "\(event.message)"
        return Redaction.masked(message)
    }
}
