import AuditClient
import FoundationEssentials
import Logging
import NIOPosix
import SharedLogging
import SharedMessages

/// After a restart: what the bucket has, what an earlier run has left, and what nobody continues.
extension S3Worker {
    /// Finds the upload that an earlier run began, or the object that it finished. What the bucket
    /// has counts only as far as it is what the spool has.
    func resume(_ recording: SpooledRecording) async throws -> UploadState.Found {
        let id = recording.id
        logger.emit(.auditS3Recovering, labels(id))
        let noted = await note(id, in: notes)?.uploadId
        let uploads = try await unfinished(id, noted)
        let chosen = uploads.first { $0.id == noted } ?? uploads.max { $0.age < $1.age }
        for upload in uploads where upload != chosen { await giveUp(upload, id) }
        if let chosen, let parts = try await rightParts(chosen, recording) {
            return .upload(chosen.id, parts)
        }
        if let chosen { await giveUp(chosen, id) }
        return try await isObject(recording) ? .object : .nothing
    }

    /// Who may not list has to rely on the note.
    private func unfinished(_ id: RecordingID, _ noted: String?) async throws -> [S3Upload] {
        do {
            return try await client.uploads(prefix: key(id)).filter { $0.key == key(id) }
        } catch let failure as S3Failure where failure.reason == .denied {
            emit(.auditS3MultipartFailedList, id, failure)
            return noted.map { [S3Upload(key: key(id), id: $0)] } ?? []
        }
    }

    /// The parts of an upload that hold what the spool holds; `nil` if there is no such upload, or
    /// its parts can't be seen.
    private func rightParts(
        _ upload: S3Upload,
        _ recording: SpooledRecording
    ) async throws -> [SentPart]? {
        let listed: [ListedPart]
        do { listed = try await client.parts(upload.key, upload.id) } catch let failure as S3Failure
            where failure.isMissing || failure.isMissingUpload || failure.reason == .denied
        {
            return nil
        }
        let plan = client.options.plan
        let planned = plan.parts(of: recording.length, isFinished: recording.isFinished)
        var right: [SentPart] = []
        for part in planned {
            guard let found = listed.first(where: { $0.number == part.number }),
                found.size == part.length
            else { continue }
            let slice = SpoolSlice(path: recording.path, offset: part.offset, length: part.length)
            let digests = try await slice.digests(
                [.md5, client.options.checksum.wanted],
                on: threads
            )
            let checksum = client.options.checksum.value(digests)
            let isSame = ETag(found.tag)?.sum == digests.md5
            guard isSame || (checksum != nil && found.checksum == checksum) else { continue }
            right.append(SentPart(part: part, tag: found.tag, checksum: checksum))
        }
        return right
    }

    /// Whether an earlier run finished the object: as long as the recording, and with its sum.
    private func isObject(_ recording: SpooledRecording) async throws -> Bool {
        guard recording.isFinished, recording.length > 0 else { return false }
        do {
            guard let object = try await client.head(key(recording.id)),
                object.size == recording.length, let tag = ETag(object.tag)
            else { return false }
            var whole = SpoolSlice(path: recording.path, offset: 0, length: recording.length)
            guard let count = tag.parts else {
                return try await whole.digests(.md5, on: threads).md5 == tag.sum
            }
            let parts = client.options.plan.parts(of: recording.length, isFinished: true)
            guard parts.count == count else { return false }
            var sums: [[UInt8]] = []
            for part in parts {
                (whole.offset, whole.length) = (part.offset, part.length)
                sums.append(try await whole.digests(.md5, on: threads).md5)
            }
            return ETag.joined(sums) == tag
        } catch let failure as S3Failure where failure.reason == .denied {
            return false
        }
    }

    private func giveUp(_ upload: S3Upload, _ id: RecordingID) async {
        var labels = labels(id)
        labels["uploadId"] = "\(upload.id)"
        logger.emit(.auditS3MultipartAborting, labels)
        do { try await client.abort(upload.key, upload.id) } catch is CancellationError {
            return
        } catch {
            emit(.auditS3MultipartFailedAbort, id, S3Failure(error))
        }
    }

    // MARK: - Notes and files

    private func note(_ id: RecordingID, in folder: NoteFolder) async -> UploadNote? {
        do {
            return try await threads.runIfActive { try folder.read(id) }
        } catch let error as CodedError {
            logger.emit(error, labels(id))
            return nil
        } catch {
            return nil  // the threads have ended, and so does all else
        }
    }

    /// Removes what is not needed once a recording is stored.
    func forget(_ recording: SpooledRecording, isForeign: Bool, folder: String) async {
        let foreign = NoteFolder(path: folder)
        do {
            try await threads.runIfActive {
                try notes.remove(recording.id)
                guard isForeign else { return }
                do throws(FileError) { try Folder.remove(recording.path) } catch {
                    throw CodedError(.auditS3RemoveFailed, cause: error)
                }
                try foreign.remove(recording.id)
            }
        } catch let error as CodedError {
            logger.emit(error, labels(recording.id))
        } catch {
            return  // the threads have ended; the next start removes it
        }
    }

    /// The recordings that ContainerSSH left in its folder; none if that is `own` or absent.
    func foreign(in folder: String, unless own: String) async -> [SpooledRecording] {
        let found: [(RecordingID, String, UInt64)]
        do {
            found = try await threads.runIfActive {
                guard Folder.exists(folder), try !Folder.isSame(folder, own) else { return [] }
                return try Folder.names(in: folder).compactMap { name in
                    guard let id = RecordingID(name) else { return nil }
                    let path = "\(folder)/\(name)"
                    let size = try OpenFile(path, O_RDONLY).size()
                    return size > 0 ? (id, path, size) : nil
                }
            }
        } catch {
            logger.emit(CodedError(.auditS3FailedStatQueueEntry, detail: folder, cause: error))
            return []
        }
        var recordings: [SpooledRecording] = []
        for (id, path, size) in found {
            let note = await foreignNote(id, folder)
            recordings.append(
                SpooledRecording(
                    id: id,
                    path: path,
                    length: size,
                    facts: note?.facts
                        ?? RecordingFacts(remoteAddress: "", country: "XX", startedAt: 0),
                    isFinished: true,
                    isRecovered: true
                )
            )
        }
        return recordings
    }

    private func foreignNote(_ id: RecordingID, _ folder: String) async -> UploadNote? {
        let found = await note(id, in: NoteFolder(path: folder))
        if found == nil, !Folder.exists("\(folder)/\(id).metadata.json") {
            logger.emit(
                CodedError(.auditS3FailedReadingMetadataFile, detail: "there is none"),
                labels(id)
            )
        }
        return found
    }

    // MARK: - The bucket

    /// Gives up the uploads that nobody continues: those of which we have a note but no recording
    /// any more, and old ones under our prefix.
    func sweep(isActive: (RecordingID) async -> Bool) async {
        do {
            let noted = try await threads.runIfActive { try notes.ids() }
            for id in noted {
                if await isActive(id) { continue }
                if let upload = await note(id, in: notes)?.uploadId {
                    await giveUp(S3Upload(key: key(id), id: upload), id)
                }
                try await threads.runIfActive { try notes.remove(id) }
            }
            try await sweepOld(isActive)
        } catch is CancellationError {
            return
        } catch let error as CodedError {
            logger.emit(error)
        } catch {
            let failure = S3Failure(error)
            logger.emit(CodedError(.auditS3MultipartFailedList, detail: failure.description))
        }
    }

    private func sweepOld(_ isActive: (RecordingID) async -> Bool) async throws {
        guard client.options.staleAfter > .zero else { return }
        let limit = Date() - client.options.staleAfter / .seconds(1)
        for upload in try await client.uploads(prefix: client.options.prefix) {
            let name = upload.key.dropFirst(client.options.prefix.utf8.count)
            guard let id = RecordingID(name), let begun = upload.begun, begun < limit else {
                continue
            }
            if await isActive(id) { continue }
            // Another auditd may still be at it, in a session that lasts very long.
            let parts = try await client.parts(upload.key, upload.id)
            guard parts.allSatisfy({ $0.modified.map { $0 < limit } ?? true }) else { continue }
            // Asked last: a session may have begun meanwhile.
            if await !isActive(id) { await giveUp(upload, id) }
        }
    }

    /// The recordings in the bucket.
    func list() async throws -> [RecordingID] {
        let prefix = client.options.prefix
        var found: [RecordingID] = []
        var token: String?
        repeat {
            let page = try await client.list(prefix: prefix, after: token)
            found += page.keys.compactMap { RecordingID($0.dropFirst(prefix.utf8.count)) }
            token = page.next
        } while token != nil
        return found
    }
}

extension S3Upload {
    fileprivate var age: TimeInterval { begun?.timeIntervalSince1970 ?? 0 }
}
