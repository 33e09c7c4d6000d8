import SharedAudit
import Synchronization

/// One connection's recorder, from the moment it is open.
final class RecordingSlot: Sendable {
    private let recorder = Mutex<ConnectionRecorder?>(nil)

    var current: ConnectionRecorder? { recorder.withLock { $0 } }

    func fill(_ opened: ConnectionRecorder) { recorder.withLock { $0 = opened } }
}
