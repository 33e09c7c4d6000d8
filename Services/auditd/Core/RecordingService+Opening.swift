import AuditClient
import Logging
import SharedLogging
import SharedMessages

extension RecordingService {
    /// On a full disk the index makes room: it can be made anew, and without a start nothing is
    /// stored by which the disk would get empty.
    static func openSpool(
        _ options: SpoolEngine.Options,
        index: String,
        _ onChange: @escaping @Sendable (Set<RecordingID>) -> Void
    ) throws -> Spool {
        do {
            return try Spool(options, now: RecordingShipper.wallClock, onChange: onChange)
        } catch let error as FileError where error.isFull {
            try removeIndex(index)
            return try Spool(options, now: RecordingShipper.wallClock, onChange: onChange)
        }
    }

    private static func removeIndex(_ path: String) throws(FileError) {
        for suffix in ["", "-wal", "-shm"] { try Folder.remove(path + suffix) }
    }

    /// An index that can't be opened is made anew: it holds nothing of its own.
    static func openIndex(_ path: String, _ logger: Logger) throws -> RecordingIndex {
        do {
            return try RecordingIndex(path: path)
        } catch {
            logger.emit(CodedError(.auditdIndexFailed, detail: path, cause: error))
            try removeIndex(path)
            return try RecordingIndex(path: path)
        }
    }
}
