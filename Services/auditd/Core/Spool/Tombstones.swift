import AuditClient
import DequeModule

/// The recordings that were stored last, so that a gateway that missed the answer is told that
/// they are finished rather than that they were never here.
struct Tombstones {
    /// Enough for what gateways may have under way; a journal begins with all of them.
    private static let limit = 8192

    private(set) var ids: Deque<RecordingID> = []
    private var known: Set<RecordingID> = []

    mutating func add(_ id: RecordingID) {
        guard known.insert(id).inserted else { return }
        ids.append(id)
        if ids.count > Self.limit, let oldest = ids.popFirst() { known.remove(oldest) }
    }

    func contains(_ id: RecordingID) -> Bool { known.contains(id) }
}
