import AuditClient
import SharedAudit
import SharedConfig

/// One connection's recording together with what of it is to be recorded.
struct ConnectionRecorder: Sendable {
    let handle: any RecordingHandle
    let intercept: AuditInterceptConfig

    /// Waits while the recording's window is full; throws as `RecordingHandle.append` does.
    func record(_ event: AuditEvent, channel: UInt64? = nil) async throws {
        try await handle.append(event, channel: channel)
    }
}
