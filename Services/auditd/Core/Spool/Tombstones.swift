import AuditClient
import DequeModule

/// The recordings that were stored last, so that a gateway that missed the answer is told that
/// they are finished rather than that they were never here.
struct Tombstones {
    /// Enough for what gateways may have under way; a journal begins with all of them.
    private static let limit = 8192

    private(set) var ids: Deque<RecordingID> = []
    /// Bytes that each of them had, where that is known.
    private var lengths: [RecordingID: UInt64?] = [:]

    mutating func add(_ id: RecordingID, length: UInt64?) {
        guard lengths.updateValue(length, forKey: id) == nil else { return }
        ids.append(id)
        if ids.count > Self.limit, let oldest = ids.popFirst() { lengths[oldest] = nil }
    }

    func contains(_ id: RecordingID) -> Bool { lengths.keys.contains(id) }

    /// `nil` for those that are not here, or were written down without.
    func length(of id: RecordingID) -> UInt64? { lengths[id] ?? nil }
}
