package import AuditClient
package import NIOCore
import Synchronization

/// Keeps nothing: what has ended is let go of.
package final class NoStorage: RecordingStorage {
    private let ended = Mutex<Set<RecordingID>>([])
    private let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() {
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package let name = "none"

    package func take(_ recordings: [SpooledRecording]) {
        ended.withLock { $0.formUnion(recordings.filter(\.isFinished).map(\.id)) }
        continuation.yield()
    }

    package func run(_ acknowledge: @escaping @Sendable ([RecordingID]) -> Void) async {
        for await _ in signals {
            let done = ended.withLock { ended in
                defer { ended = [] }
                return ended
            }
            if !done.isEmpty { acknowledge(Array(done)) }
        }
    }

    package func contains(_ id: RecordingID) -> Bool { false }

    package func read(_ id: RecordingID, at offset: UInt64, count: Int) -> ByteBuffer? { nil }

    package func status(_ id: RecordingID) -> StoredStatus? { nil }

    package func list() -> [RecordingID] { [] }

    package func put(_ name: String, _ bytes: ByteBuffer) {}

    package func put(_ name: String, from path: String) {}

    package func get(_ name: String) -> ByteBuffer? { nil }
}
