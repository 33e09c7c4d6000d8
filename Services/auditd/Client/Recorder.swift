package import SharedAudit
package import SharedMessages

/// Where the gateway's audit layer sends what happens.
package protocol Recorder: Sendable {
    /// Begins the recording of one connection.
    ///
    /// With `strict` delivery this returns once auditd has the recording durably, or throws after
    /// the time limit: no recording, no session. With `besteffort` it returns at once.
    /// `onFailure` is called at most once, from any thread, when a `strict` recording can't be
    /// kept any longer; the connection must then end with the error's code and text.
    func openRecording(
        id: String,
        facts: RecordingFacts,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) async throws -> any RecordingHandle
}

/// The recording of one connection while it is being made. Functions may be called from any task;
/// entries are in the order in which the calls began.
package protocol RecordingHandle: Sendable {
    /// The connection's identifier.
    var id: String { get }

    /// Adds an entry, stamped with the present time.
    ///
    /// Returns at once while fewer than `audit.window` bytes are unacknowledged, else waits until
    /// there is room (`strict`) or drops the entry and marks a gap (`besteffort`). Throws a
    /// `CodedError` once the recording has failed, and `CancellationError`, in which case the
    /// entry was not added. Nothing is added after `.disconnect`.
    func append(_ event: AuditEvent, channel: UInt64?) async throws

    /// Tells auditd whose recording this is, for its list; to be called once the name is known.
    func identify(username: String)

    /// Tells auditd which container the connection got; to be called once it is there.
    func identify(container: String)

    /// Changes how this recording is delivered; to be called once the person is known. With `strict`
    /// this returns once auditd has the recording, or throws after the time limit.
    func deliver(_ delivery: RecordingDelivery) async throws

    /// Completes the recording, adding `.disconnect` if that is missing; returns once auditd has
    /// all of it durably. Harmless when repeated. With `besteffort` it never throws.
    func finish() async throws
}

/// Whether there may be a session without its recording.
package enum RecordingDelivery: Sendable, Hashable {
    case strict
    case besteffort
}
