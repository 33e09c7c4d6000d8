package import Logging
package import SharedMessages

extension Logger {
    /// Logs the event `code`: its constant text, the label `code` and `labels`.
    ///
    /// Codes with the audit flag reach the log whatever level is configured. Labels keep their
    /// JSON type: `["exitCode": .stringConvertible(3)]` is written as a number. Names of labels
    /// used everywhere: `connectionId`, `username`, `authenticatedUsername`, `remoteAddr`,
    /// `channelId`, `module`, `service`, `backend`, `reason` (see `LogLabel`).
    ///
    /// `text` replaces the code's explanation where another constant text says it better; what
    /// varies goes into labels. `level` is for a caller who knows better than the code.
    package func emit(
        _ code: MessageCode,
        _ labels: @autoclosure () -> Logger.Metadata = [:],
        text: String? = nil,
        level: MessageLevel? = nil,
        file: String = #fileID,
        function: String = #function,
        line: UInt = #line
    ) {
        EmittedCodes.current?.record(code)
        let severity = Logger.Level(level ?? code.level)
        guard code.isAudit || severity >= logLevel else { return }
        var metadata = labels()
        metadata[LogLabel.code] = .string(code.id)
        handler.log(
            event: LogEvent(
                level: severity,
                message: "\(text ?? code.explanation)",
                metadata: metadata,
                source: nil,
                file: file,
                function: function,
                line: line
            )
        )
    }

    /// Logs `error` under its own code: the explanation, then in brackets the operator's detail
    /// and the causes. The label `reason` names the code of the cause, if that has one.
    package func emit(
        _ error: CodedError,
        _ labels: @autoclosure () -> Logger.Metadata = [:],
        level: MessageLevel? = nil,
        file: String = #fileID,
        function: String = #function,
        line: UInt = #line
    ) {
        error.causeCodes.forEach { EmittedCodes.current?.record($0) }
        func labelsWithReason() -> Logger.Metadata {
            guard let reason = error.causeCodes.first else { return labels() }
            return [LogLabel.reason: .string(reason.id)].merging(labels()) { $1 }
        }
        emit(
            error.code,
            labelsWithReason(),
            text: error.logText,
            level: level,
            file: file,
            function: function,
            line: line
        )
    }

    /// Logs any error: a `CodedError` as such, everything else as `UNKNOWN_ERROR`.
    package func emit(
        _ error: any Error,
        _ labels: @autoclosure () -> Logger.Metadata = [:],
        level: MessageLevel? = nil,
        file: String = #fileID,
        function: String = #function,
        line: UInt = #line
    ) {
        emit(
            (error as? CodedError) ?? CodedError(.unknownError, cause: error),
            labels(),
            level: level,
            file: file,
            function: function,
            line: line
        )
    }
}

extension CodedError {
    /// The text of a log record about this error.
    var logText: String {
        var reasons: [String] = detail.isEmpty ? [] : [detail]
        if let coded = cause as? CodedError {
            reasons.append(coded.logText)
        } else if let cause {
            reasons.append("\(cause)")
        }
        guard !reasons.isEmpty else { return code.explanation }
        return "\(code.explanation) (\(reasons.joined(separator: ": ")))"
    }

    /// The codes of the causes, nearest first.
    var causeCodes: [MessageCode] {
        guard let coded = cause as? CodedError else { return [] }
        return [coded.code] + coded.causeCodes
    }
}

extension Logger.Level {
    /// The level of swift-log that stands for `level`; `crit`, `alert` and `emerg` are one there.
    package init(_ level: MessageLevel) {
        switch level {
        case .emerg, .alert, .crit: self = .critical
        case .error: self = .error
        case .warning: self = .warning
        case .notice: self = .notice
        case .info: self = .info
        case .debug: self = .debug
        }
    }
}

extension MessageLevel {
    /// The level under which a record of swift-log's `level` is written.
    package init(_ level: Logger.Level) {
        switch level {
        case .trace, .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .crit
        }
    }
}
