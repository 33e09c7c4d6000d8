import SharedHTTP
import SharedMessages
import SharedWaiting
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension EngineClient {
    /// When the kernel last killed something in a container for want of memory, in the engine's
    /// nanoseconds since 1970; `nil` if never, as far as the engine remembers (some hundred events
    /// of all containers).
    ///
    /// `patience` is how long such an event may be under way: it takes another path than the news
    /// of a process's end. With one that is later than `known` the answer comes at once. The
    /// container may be gone already.
    package func lastOutOfMemory(
        of container: String,
        after known: Int64,
        patience: Duration
    ) async throws -> Int64? {
        let filters = ["container": [container], "event": ["oom"]]
        let words = String(decoding: try JSONEncoder().encode(filters), as: UTF8.self)
        let last = Mutex<Int64?>(nil)
        do {
            try await within(patience, late: CancellationError()) { [self] in
                try await stream(
                    .get,
                    // The beginning of time: a remote engine's clock is its own.
                    "/events?since=1&filters=\(words)",
                    headers: [:],
                    idle: patience + .seconds(1),
                    failure: .dockerExitCodeFailed
                ) { body in
                    var lines = EventLines()
                    while let chunk = try await body.next() {
                        for time in lines.take(chunk) { last.withLock { $0 = max($0 ?? 0, time) } }
                        if let newest = last.withLock({ $0 }), newest > known { return }
                    }
                }
            }
        } catch is CancellationError {
            // The patience is over, as a rule.
            try Task.checkCancellation()
        }
        return last.withLock { $0 }
    }
}

/// Cuts the stream of an engine's events, one JSON object per line, into their times.
struct EventLines {
    private static let longestLine = 1 << 16
    private var rest: [UInt8] = []

    private struct Event: Decodable {
        var timeNano: Int64
    }

    /// What is no event is passed over.
    mutating func take(_ chunk: [UInt8]) -> [Int64] {
        rest += chunk
        var times: [Int64] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: 0x0A) {
            let line = Data(rest[start..<end])
            if let event = try? JSONDecoder().decode(Event.self, from: line) {
                times.append(event.timeNano)
            }
            start = end + 1
        }
        rest.removeSubrange(..<start)
        if rest.count > Self.longestLine { rest = [] }
        return times
    }
}
