import Synchronization

/// What all recordings of a gateway hold together, against a limit: beyond it each of them gets a
/// small window instead of its own.
final class RecordingMemory: Sendable {
    private let limit: Int
    private let held = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var isCrowded: Bool { held.load(ordering: .relaxed) > limit }

    /// Bytes.
    var total: Int { held.load(ordering: .relaxed) }

    func change(by difference: Int) {
        if difference != 0 { held.wrappingAdd(difference, ordering: .relaxed) }
    }
}
