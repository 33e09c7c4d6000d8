package import AuditClient
package import Logging
import Metrics
package import NIOCore
package import NIOPosix
import SharedLogging
import SharedMessages
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Keeps each recording as a file named by the connection's identifier, without extension, in one
/// folder: as ContainerSSH does, so that its tools find them.
package final class FileStorage: RecordingStorage {
    /// Recordings stored at the same time.
    private static let width = 8
    /// After a failure: a full or read-only disk heals slowly.
    private static let pause = Duration.seconds(2)

    private let folder: String
    private let threads: NIOThreadPool
    private let logger: Logger
    private let changes = ChangeSet()
    private let pending = Mutex<[RecordingID: String]>([:])
    private let metrics = AuditdMetrics()

    package init(folder: String, threads: NIOThreadPool, logger: Logger) {
        self.folder = folder
        self.threads = threads
        self.logger = logger
    }

    package let name = "file"

    package func take(_ recordings: [SpooledRecording]) {
        let ended = recordings.filter(\.isFinished)
        pending.withLock { for recording in ended { $0[recording.id] = recording.path } }
        changes.add(Set(ended.map(\.id)))
    }

    package func run(_ acknowledge: @escaping @Sendable ([RecordingID]) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Cancelled: the loop ends.
                while (try? await Task.sleep(for: Self.pause)) != nil { self.changes.retry() }
            }
            for await _ in changes.signals {
                while case let ids = changes.takeAll(), !ids.isEmpty {
                    await storeAll(ids, acknowledge)
                }
            }
        }
    }

    package func contains(_ id: RecordingID) -> Bool { Folder.exists(path(id)) }

    package func read(
        _ id: RecordingID,
        at offset: UInt64,
        count: Int
    ) async throws -> ByteBuffer? {
        try await threads.runIfActive {
            try ifPresent { () throws(FileError) in
                try OpenFile(self.path(id), O_RDONLY).read(at: offset, count: count)
            }
        }
    }

    package func status(_ id: RecordingID) async throws -> StoredStatus? {
        try await threads.runIfActive {
            try ifPresent { () throws(FileError) in
                let file = try OpenFile(self.path(id), O_RDONLY)
                return StoredStatus(
                    size: try file.size(),
                    modifiedAt: try file.modificationTime()
                )
            }
        }
    }

    package func list() async throws -> [RecordingID] {
        try await threads.runIfActive {
            try Folder.names(in: self.folder).compactMap { RecordingID($0) }
        }
    }

    package func put(_ name: String, _ bytes: ByteBuffer) async throws {
        try await threads.runIfActive {
            let target = "\(self.folder)/\(name)"
            let draft = target + ".new"
            let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC)
            try file.write(bytes, at: 0)
            try file.sync()
            try Folder.rename(draft, to: target)
            try Folder.sync(self.folder)
        }
    }

    package func get(_ name: String) async throws -> ByteBuffer? {
        try await threads.runIfActive {
            try ifPresent { () throws(FileError) in
                let file = try OpenFile("\(self.folder)/\(name)", O_RDONLY)
                return try file.read(at: 0, count: Self.longestNote)
            }
        }
    }

    /// Bytes of a file of auditd's own.
    private static let longestNote = 64 << 10

    // MARK: - Storing

    private func storeAll(
        _ ids: Set<RecordingID>,
        _ acknowledge: @escaping @Sendable ([RecordingID]) -> Void
    ) async {
        let stored = await withTaskGroup(of: RecordingID?.self) { group in
            var stored: [RecordingID] = []
            for (count, id) in ids.enumerated() {
                if count >= Self.width, let done = await group.next(), let done {
                    stored.append(done)
                }
                group.addTask { await self.attempt(id) ? id : nil }
            }
            for await done in group { if let done { stored.append(done) } }
            return stored
        }
        if !stored.isEmpty { acknowledge(stored) }
    }

    private func attempt(_ id: RecordingID) async -> Bool {
        guard let path = pending.withLock({ $0[id] }) else { return false }
        do {
            try await store(id, from: path)
            pending.withLock { _ = $0.removeValue(forKey: id) }
            changes.succeeded(id)
            return true
        } catch {
            metrics.storeFailures.increment()
            if changes.addFailed(id) {
                logger.emit(
                    CodedError(.auditdStoreFailed, cause: error),
                    ["connectionId": "\(id)"]
                )
            }
            return false
        }
    }

    /// Durable under its name once this returns; harmless when it is repeated.
    func store(_ id: RecordingID, from path: String) async throws {
        try await put("\(id)", from: path)
    }

    package func put(_ name: String, from path: String) async throws {
        try await threads.runIfActive {
            let target = "\(self.folder)/\(name)"
            let source = try OpenFile(path, O_RDWR)
            try source.sync()
            do throws(FileError) {
                try Folder.link(path, to: target)
            } catch  where error.isPresent {
                if try !Folder.isSame(path, target) { try self.copy(source, to: target) }
            } catch {
                // Another file system, or one that knows no second names.
                try self.copy(source, to: target)
            }
            try Folder.sync(self.folder)
        }
    }

    private func copy(_ source: OpenFile, to target: String) throws {
        let draft = target + ".copy"
        let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC)
        var offset: UInt64 = 0
        while case let piece = try source.read(at: offset, count: 1 << 20), piece.readableBytes > 0
        {
            try file.write(piece, at: offset)
            offset += UInt64(piece.readableBytes)
        }
        try file.sync()
        try Folder.rename(draft, to: target)
    }

    private func path(_ id: RecordingID) -> String { "\(folder)/\(id)" }
}

private func ifPresent<Value>(
    _ body: () throws(FileError) -> Value
) throws(FileError) -> Value? {
    do {
        return try body()
    } catch  where error.isMissing {
        return nil
    }
}
