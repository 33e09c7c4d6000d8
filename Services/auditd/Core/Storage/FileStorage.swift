package import AuditClient
package import NIOCore
package import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Keeps each recording as a file named by the connection's identifier, without extension, in one
/// folder: as ContainerSSH does, so that its tools find them.
package struct FileStorage: RecordingStorage {
    private let folder: String
    private let threads: NIOThreadPool

    /// The spool has to be on the same file system: recordings are moved by rename(2).
    package init(folder: String, threads: NIOThreadPool) {
        self.folder = folder
        self.threads = threads
    }

    package func store(_ id: RecordingID, from path: String) async throws {
        try await threads.runIfActive {
            let target = self.path(id)
            // A repetition finds the first part already done.
            if Folder.exists(path) {
                try OpenFile(path, O_RDWR).sync()
                try Folder.rename(path, to: target)
            }
            try Folder.sync(folder)
            try Folder.sync(String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)))
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
                try OpenFile(path(id), O_RDONLY).read(at: offset, count: count)
            }
        }
    }

    package func status(_ id: RecordingID) async throws -> StoredStatus? {
        try await threads.runIfActive {
            try ifPresent { () throws(FileError) in
                let file = try OpenFile(path(id), O_RDONLY)
                return StoredStatus(
                    size: try file.size(),
                    modifiedAt: try file.modificationTime()
                )
            }
        }
    }

    package func list() async throws -> [RecordingID] {
        try await threads.runIfActive {
            try Folder.names(in: folder).compactMap { RecordingID($0) }
        }
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
