import AuditClient
import NIOCore
import Synchronization

/// The storages of one auditd: a recording is stored when all of them have it, and read from the
/// first one that has.
struct StorageSet: Sendable {
    let members: [any RecordingStorage]

    /// Whether one of them has it for sure, so that none of that name is taken any more.
    func contains(_ id: RecordingID) -> Bool { members.contains { $0.contains(id) } }

    func take(_ recordings: [SpooledRecording]) async {
        for member in members { await member.take(recordings) }
    }

    func read(_ id: RecordingID, at offset: UInt64, count: Int) async throws -> ByteBuffer? {
        try await first { try await $0.read(id, at: offset, count: count) }
    }

    func status(_ id: RecordingID) async throws -> StoredStatus? {
        try await first { try await $0.status(id) }
    }

    /// Keeps a file beside the recordings in all of them.
    func put(_ name: String, from path: String) async throws {
        for member in members { try await member.put(name, from: path) }
    }

    func list() async throws -> Set<RecordingID> {
        var all: Set<RecordingID> = []
        for member in members { all.formUnion(try await member.list()) }
        return all
    }

    /// The first answer; an error only if nobody has one.
    private func first<Value>(
        _ ask: (any RecordingStorage) async throws -> Value?
    ) async throws -> Value? {
        var failure: (any Error)?
        for member in members {
            do {
                if let value = try await ask(member) { return value }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return nil
    }
}

/// Which storages have which recording, until all have.
final class Acknowledgements: Sendable {
    private struct State {
        var given: [RecordingID: Set<Int>] = [:]
        var complete: Set<RecordingID> = []
    }

    private let needed: Int
    private let state = Mutex(State())
    /// One element may stand for any number of recordings.
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init(of storages: Int) {
        needed = storages
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ ids: [RecordingID], from storage: Int) {
        state.withLock { state in
            for id in ids {
                state.given[id, default: []].insert(storage)
                guard state.given[id]?.count == needed else { continue }
                state.given[id] = nil
                state.complete.insert(id)
            }
        }
        continuation.yield()
    }

    /// Recordings that every storage has.
    func takeComplete() -> [RecordingID] {
        state.withLock { state in
            defer { state.complete = [] }
            return Array(state.complete)
        }
    }

    /// Gives some back that could not be let go of.
    func putBack(_ ids: [RecordingID]) { state.withLock { $0.complete.formUnion(ids) } }

    /// Brings up again what was put back.
    func retry() {
        let isSome = state.withLock { !$0.complete.isEmpty }
        if isSome { continuation.yield() }
    }
}
