import AuditClient
import Logging
import NIOPosix
import SharedHTTP
import SharedLogging
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Carries out the steps of uploads and says in the log what it does; remembers nothing.
struct S3Worker: Sendable {
    enum Outcome: Sendable {
        case found(UploadState.Found)
        case created(String)
        case sent(SentPart, upload: String)
        case stored
    }

    let client: S3Client
    let notes: NoteFolder
    let threads: NIOThreadPool
    let logger: Logger

    func key(_ id: RecordingID) -> String { "\(client.options.prefix)\(id)" }

    /// Throws an `S3Failure` or `CancellationError`, after it has said why if that is worth a line.
    func perform(
        _ step: UploadState.Step,
        _ recording: SpooledRecording,
        isNotable: Bool
    ) async throws -> Outcome {
        do {
            switch step {
            case .nothing: return .stored
            case .resume: return .found(try await resume(recording))
            case .put: return try await put(recording)
            case .create: return try await create(recording)
            case .send(let part, let upload): return try await send(part, upload, recording)
            case .complete(let parts, let upload):
                return try await complete(parts, upload, recording)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let failure = S3Failure(error)
            if isNotable { report(failure, step, recording.id) }
            throw failure
        }
    }

    private func report(_ failure: S3Failure, _ step: UploadState.Step, _ id: RecordingID) {
        let code: MessageCode =
            switch step {
            case _ where failure.reason == .disk:
                failure.code == Self.missingFile
                    ? .auditS3NoSuchQueueEntry : .auditS3FailedStatQueueEntry
            case .resume, .nothing: .auditS3MultipartFailedList
            case .put: .auditS3SingleUploadFailed
            case .create: .auditS3MultipartUploadInitializationFailed
            case .send: .auditS3MultipartPartUploadFailed
            case .complete: .auditS3MultipartUploadFinalizationFailed
            }
        emit(code, id, failure)
    }

    func emit(_ code: MessageCode, _ id: RecordingID, _ failure: S3Failure) {
        var labels = labels(id)
        labels["reason"] = "\(failure.reason.rawValue)"
        logger.emit(CodedError(code, detail: failure.description), labels)
    }

    func labels(_ id: RecordingID) -> Logger.Metadata {
        ["connectionId": "\(id)", "log": "\(id)"]
    }

    // MARK: - The file

    /// The local file is missing; no code of S3's.
    static let missingFile = "NoFile"

    /// Makes sure that the recording's file is as long as it should be.
    private func slice(_ recording: SpooledRecording) async throws -> SpoolSlice {
        try await threads.runIfActive {
            let size: UInt64
            do throws(FileError) { size = try OpenFile(recording.path, O_RDONLY).size() } catch {
                let code = error.isMissing ? Self.missingFile : ""
                throw S3Failure(.disk, code: code, detail: "\(error)")
            }
            guard size >= recording.length else {
                let detail = "\(recording.path) has \(size) of \(recording.length) bytes"
                throw S3Failure(.disk, detail: detail)
            }
        }
        return SpoolSlice(path: recording.path, offset: 0, length: recording.length)
    }

    private func fields(_ recording: SpooledRecording) -> [HTTPHeaderList.Field] {
        let options = client.options
        var metadata = ObjectMetadata(
            recording.facts,
            showsAddress: options.showsAddress,
            showsUsername: options.showsUsername
        )
        do throws(ObjectMetadata.TooLong) { return try metadata.fields() } catch {
            let detail = "the user name does not fit into \(ObjectMetadata.limit) bytes"
            logger.emit(
                CodedError(.auditS3FailedMetadataJsonEncoding, detail: detail),
                labels(recording.id)
            )
            metadata.dropUsername()
            return (try? metadata.fields()) ?? []  // what is left is ours, and short
        }
    }

    // MARK: - Steps

    private func put(_ recording: SpooledRecording) async throws -> Outcome {
        let slice = try await slice(recording)
        logger.emit(.auditS3SingleUpload, labels(recording.id))
        try await client.put(key(recording.id), slice, fields(recording))
        logger.emit(.auditS3SingleUploadComplete, labels(recording.id))
        return .stored
    }

    private func create(_ recording: SpooledRecording) async throws -> Outcome {
        _ = try await slice(recording)
        let id = recording.id
        logger.emit(.auditS3MultipartUpload, labels(id))
        let upload = try await client.create(key(id), fields(recording))
        let note = UploadNote(recording.facts, upload: upload, options: client.options)
        do {
            try await threads.runIfActive { try notes.write(note, for: id) }
        } catch let error as CodedError {
            // Without a note, the bucket's own list has to do after a restart.
            logger.emit(error, labels(id))
        }
        return .created(upload)
    }

    private func send(
        _ part: PartPlan.Part,
        _ upload: String,
        _ recording: SpooledRecording
    ) async throws -> Outcome {
        var slice = try await slice(recording)
        (slice.offset, slice.length) = (part.offset, part.length)
        var labels = labels(recording.id)
        labels["part"] = .stringConvertible(part.number)
        labels["size"] = .stringConvertible(part.length)
        logger.emit(.auditS3MultipartPartUploading, labels)
        let sent = try await client.upload(part, slice, key(recording.id), upload)
        logger.emit(.auditS3MultipartPartUploadComplete, labels)
        return .sent(sent, upload: upload)
    }

    private func complete(
        _ parts: [SentPart],
        _ upload: String,
        _ recording: SpooledRecording
    ) async throws -> Outcome {
        let key = key(recording.id)
        logger.emit(.auditS3MultipartUploadFinalizing, labels(recording.id))
        do {
            try await client.complete(key, upload, parts)
        } catch let failure as S3Failure where failure.isMissingUpload {
            // An earlier call may have done it, and only its answer was lost.
            guard try await hasObject(key, recording.length) else { throw failure }
        }
        guard try await hasObject(key, recording.length) else {
            throw S3Failure(.content, detail: "the object is not as long as the recording")
        }
        logger.emit(.auditS3MultipartUploadFinalized, labels(recording.id))
        return .stored
    }

    /// Whether the bucket has the object in full. Every request was signed over its content, so the
    /// length is what is left to check. Who may not look has to believe the answer.
    private func hasObject(_ key: String, _ length: UInt64) async throws -> Bool {
        do {
            return try await client.head(key)?.size == length
        } catch let failure as S3Failure where failure.reason == .denied {
            return true
        }
    }
}
