import AuditClient
import SharedAudit
import SharedConfig
import SharedMessages

/// One connection's recording together with what of it is to be recorded.
struct ConnectionRecorder: Sendable {
    let handle: any RecordingHandle
    let intercept: AuditInterceptConfig
    let tally: RecordingTally

    /// Waits while the recording's window is full; throws as `RecordingHandle.append` does, and
    /// `RECORDING_SIZE_LIMIT` for a stream that has no room in it.
    func record(_ event: AuditEvent, channel: UInt64? = nil) async throws {
        switch tally.admit(event) {
        case .recorded: try await handle.append(event, channel: channel)
        case .skipped: return
        case .refused: throw CodedError(.recordingSizeLimit)
        }
    }
}
