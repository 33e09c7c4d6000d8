import Logging
import SharedLogging
import SharedTracing

extension Logger.MetadataProvider {
    /// Names the span during which a record was made.
    static let currentSpan = Self {
        guard let context = Span.current?.context, context.isSampled else { return [:] }
        return [
            LogLabel.traceID: .stringConvertible(context.traceID),
            LogLabel.spanID: .stringConvertible(context.spanID),
        ]
    }
}
