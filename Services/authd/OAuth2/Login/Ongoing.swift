import SharedMessages
import SharedWaiting
import Synchronization

/// Work that takes longer than whoever asks for it can wait: it goes on between two questions, and
/// a question that is asked again gets the same answer.
///
/// Work that nobody has asked for in a while is told so and should end; its result is kept for a
/// while for those who ask late. The number of works is bounded.
final class Ongoing<Value: Sendable>: Sendable {
    /// Whether somebody still waits for the work that asks.
    typealias IsWanted = @Sendable () -> Bool

    private struct Entry {
        let result: Latch<Value>
        let task: Task<Void, Never>
        var lastAsked: ContinuousClock.Instant
    }

    private struct NotYet: Error {}

    private let entries = Mutex<[String: Entry]>([:])
    private let capacity: Int
    private let patience: Duration

    init(capacity: Int = 4096, patience: Duration = .seconds(60)) {
        self.capacity = capacity
        self.patience = patience
    }

    deinit { entries.withLock { $0.values.forEach { $0.task.cancel() } } }

    /// Begins the work `key` unless it is under way or done, and waits `limit` for its result;
    /// `nil` if it takes longer. Throws what the work has thrown, or `AUTH_OAUTH2_BUSY`.
    func value(
        of key: String,
        within limit: Duration,
        _ work: @escaping @Sendable (@escaping IsWanted) async throws -> Value
    ) async throws -> Value? {
        let result = try begin(key, work)
        do {
            return try await result.value(within: limit, late: NotYet())
        } catch is NotYet {
            return nil
        }
    }

    private func begin(
        _ key: String,
        _ work: @escaping @Sendable (@escaping IsWanted) async throws -> Value
    ) throws -> Latch<Value> {
        let now = ContinuousClock.now
        return try entries.withLock { entries in
            if entries[key] != nil {
                entries[key]?.lastAsked = now
            } else {
                if entries.count >= capacity { entries = entries.filter { isKept($0.value, now) } }
                guard entries.count < capacity else {
                    throw CodedError(.authOAuth2Busy, isRetryable: true)
                }
                entries[key] = start(key, now, work)
            }
            // Just put there.
            return entries[key]?.result ?? Latch()
        }
    }

    /// The work is nobody's child, as no single question lives as long; it ends when nobody asks
    /// for it any more, and with this table.
    private func start(
        _ key: String,
        _ now: ContinuousClock.Instant,
        _ work: @escaping @Sendable (@escaping IsWanted) async throws -> Value
    ) -> Entry {
        let result = Latch<Value>()
        let task = Task { [weak self] in
            let isWanted: IsWanted = { [weak self] in self?.isWanted(key) ?? false }
            do {
                result.settle(.success(try await work(isWanted)))
            } catch {
                result.settle(.failure(error))
            }
            try? await Task.sleep(for: self?.patience ?? .zero)  // Cancelled: nobody will ask.
            self?.forget(key)
        }
        return Entry(result: result, task: task, lastAsked: now)
    }

    private func isWanted(_ key: String) -> Bool {
        entries.withLock { $0[key].map { isKept($0, .now) } ?? false }
    }

    private func isKept(_ entry: Entry, _ now: ContinuousClock.Instant) -> Bool {
        now - entry.lastAsked < patience
    }

    private func forget(_ key: String) { entries.withLock { $0[key] = nil } }

    var count: Int { entries.withLock { $0.count } }
}
