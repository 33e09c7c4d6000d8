import SharedAudit
import Synchronization

/// Owns a compressor that recordings use one after the other.
final class EncodeWorker: Sendable {
    private let deflater = Mutex<Deflater?>(nil)

    func encode(_ recording: OutgoingRecording) {
        deflater.withLock { deflater in
            if deflater == nil { deflater = Deflater() }
            // Without memory for a compressor the entries stay where they are, and the recording
            // runs into its time limit.
            if let deflater { recording.encode(using: deflater) }
        }
    }
}
