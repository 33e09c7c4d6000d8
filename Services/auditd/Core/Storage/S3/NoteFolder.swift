import AuditClient
import FoundationEssentials
import NIOCore
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The files `<id>.metadata.json` in a folder. All calls block.
struct NoteFolder: Sendable {
    let path: String
    /// Closes a file that was written.
    var close: @Sendable (OpenFile) throws(FileError) -> Void = { file throws(FileError) in
        try file.close()
    }

    private static let suffix = ".metadata.json"
    /// A note is a few hundred bytes.
    private static let limit = 64 << 10

    /// Throws a `CodedError` that says which step failed.
    func write(_ note: UploadNote, for id: RecordingID) throws(CodedError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes: Data
        do { bytes = try encoder.encode(note) } catch {
            throw CodedError(.auditS3FailedMetadataJsonEncoding, cause: error)
        }
        let draft = name(id) + ".new"
        let file: OpenFile
        do throws(FileError) { file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC) } catch {
            throw CodedError(.auditS3FailedCreatingMetadataFile, cause: error)
        }
        do throws(FileError) {
            try file.write(ByteBuffer(bytes: bytes), at: 0)
            try file.sync()
            try Folder.rename(draft, to: name(id))
            try Folder.sync(path)
        } catch {
            throw CodedError(.auditS3FailedWritingMetadataFile, cause: error)
        }
        do throws(FileError) { try close(file) } catch {
            throw CodedError(.auditS3CannotCloseMetadataFileHandle, cause: error)
        }
    }

    /// `nil` if there is none. Throws a `CodedError` if there is one that can't be read.
    func read(_ id: RecordingID) throws(CodedError) -> UploadNote? {
        do {
            let bytes = try OpenFile(name(id), O_RDONLY).read(at: 0, count: Self.limit)
            return try JSONDecoder().decode(UploadNote.self, from: Data(bytes.readableBytesView))
        } catch let error as FileError where error.isMissing {
            return nil
        } catch {
            throw CodedError(.auditS3FailedReadingMetadataFile, cause: error)
        }
    }

    /// Harmless if there is none.
    func remove(_ id: RecordingID) throws(CodedError) {
        do throws(FileError) { try Folder.remove(name(id)) } catch {
            throw CodedError(.auditS3RemoveFailed, cause: error)
        }
    }

    /// The recordings that have a note.
    func ids() throws -> [RecordingID] {
        try Folder.names(in: path).compactMap { name in
            name.hasSuffix(Self.suffix) ? RecordingID(name.dropLast(Self.suffix.count)) : nil
        }
    }

    private func name(_ id: RecordingID) -> String { "\(path)/\(id)\(Self.suffix)" }
}
