/// The names of labels that mean the same in every daemon.
package enum LogLabel {
    /// The message code; set by `Logger.emit`.
    package static let code = "code"
    /// The part of the program: `core`, `service`, `ssh`, `auth`, `audit`, `backend`, ….
    package static let module = "module"
    /// 32 hex digits that name one SSH connection in all daemons.
    package static let connectionId = "connectionId"
    /// The name the client asked for.
    package static let username = "username"
    /// The name the authentication settled on.
    package static let authenticatedUsername = "authenticatedUsername"
    /// The client's IP address, without port.
    package static let remoteAddr = "remoteAddr"
    /// The number of a channel within its connection.
    package static let channelId = "channelId"
    /// The code of the cause, where one event is the consequence of another.
    package static let reason = "reason"
    /// The name of a service within a daemon.
    package static let service = "service"
    /// The trace and the span that a record belongs to, as OpenTelemetry names them in logs.
    package static let traceID = "trace_id"
    package static let spanID = "span_id"
    /// Which backend: `docker`, `kubernetes`, `sandbox`, ….
    package static let backend = "backend"
}
