/// Codes of recordings on their way into the store, S3 first of all.
extension MessageCode {
    package static let auditS3CannotCloseMetadataFileHandle = MessageCode(
        "AUDIT_S3_CANNOT_CLOSE_METADATA_FILE_HANDLE",
        .warning,
        explanation: "The file with a recording's metadata could not be closed.",
        remedy: "Look at the file system of the audit spool."
    )

    package static let auditS3CloseFailed = MessageCode(
        "AUDIT_S3_CLOSE_FAILED",
        .error,
        explanation: "A recording's local file could not be closed before it is removed.",
        remedy: "Look at the file system of the audit spool."
    )

    package static let auditS3FailedCreatingMetadataFile = MessageCode(
        "AUDIT_S3_FAILED_CREATING_METADATA_FILE",
        .warning,
        explanation: """
            The file with a recording's metadata could not be created; the recording itself is \
            kept.
            """,
        remedy: "Look for a full disk or missing permissions at the audit spool."
    )

    package static let auditS3FailedMetadataJsonEncoding = MessageCode(
        "AUDIT_S3_FAILED_METADATA_JSON_ENCODING",
        .warning,
        explanation: "A recording's metadata could not be encoded; the recording itself is kept.",
        remedy: "A user name too long for S3 is left out of the object's metadata; nothing else is."
    )

    package static let auditS3FailedReadingMetadataFile = MessageCode(
        "AUDIT_S3_FAILED_READING_METADATA_FILE",
        .error,
        explanation: """
            On recovery, the file with a recording's metadata could not be read; the recording is \
            sent without.
            """,
        remedy: "Look at the file system of the audit spool; the label log names the recording."
    )

    package static let auditS3FailedStatQueueEntry = MessageCode(
        "AUDIT_S3_FAILED_STAT_QUEUE_ENTRY",
        .error,
        explanation: """
            A recording's local file could not be examined before its upload; the upload is tried \
            again.
            """,
        remedy: "Look at the file system of the audit spool; the label log names the recording."
    )

    package static let auditS3FailedWritingMetadataFile = MessageCode(
        "AUDIT_S3_FAILED_WRITING_METADATA_FILE",
        .warning,
        explanation: "A recording's metadata could not be written; the recording itself is kept.",
        remedy: "Look for a full disk at the audit spool."
    )

    package static let auditS3MultipartAborting = MessageCode(
        "AUDIT_S3_MULTIPART_ABORTING",
        .warning,
        explanation: """
            An upload in parts is given up: it failed too often, or belongs to an earlier run; the \
            local file is kept.
            """,
        remedy: "See why the parts fail in the records before; the file is sent anew."
    )

    package static let auditS3MultipartFailedAbort = MessageCode(
        "AUDIT_S3_MULTIPART_FAILED_ABORT",
        .warning,
        explanation: "An upload in parts could not be given up; its parts stay in the bucket.",
        remedy: "Let a life-cycle rule of the bucket remove unfinished uploads."
    )

    package static let auditS3MultipartFailedList = MessageCode(
        "AUDIT_S3_MULTIPART_FAILED_LIST",
        .error,
        explanation: "The unfinished uploads in the bucket could not be listed; it is tried again.",
        remedy: """
            Allow listing multipart uploads to the configured key, and check that the store \
            answers.
            """
    )

    package static let auditS3MultipartPartUploading = MessageCode(
        "AUDIT_S3_MULTIPART_PART_UPLOADING",
        .debug,
        explanation: "A part of a recording is being uploaded.",
        remedy: "Nothing."
    )

    package static let auditS3MultipartPartUploadComplete = MessageCode(
        "AUDIT_S3_MULTIPART_PART_UPLOAD_COMPLETE",
        .debug,
        explanation: "A part of a recording was uploaded.",
        remedy: "Nothing."
    )

    package static let auditS3MultipartPartUploadFailed = MessageCode(
        "AUDIT_S3_MULTIPART_PART_UPLOAD_FAILED",
        .warning,
        explanation: "A part of a recording could not be uploaded; it is tried again.",
        remedy: "Check that the store answers and the configured key may write."
    )

    package static let auditS3MultipartUpload = MessageCode(
        "AUDIT_S3_MULTIPART_UPLOAD",
        .debug,
        explanation: """
            A recording is long enough to be uploaded in parts while it is still being made.
            """,
        remedy: "Nothing."
    )

    package static let auditS3MultipartUploadFinalizationFailed = MessageCode(
        "AUDIT_S3_MULTIPART_UPLOAD_FINALIZATION_FAILED",
        .warning,
        explanation: "The uploaded parts could not be joined; it is tried again.",
        remedy: "Check that the store answers and the configured key may write."
    )

    package static let auditS3MultipartUploadFinalized = MessageCode(
        "AUDIT_S3_MULTIPART_UPLOAD_FINALIZED",
        .debug,
        explanation: "The uploaded parts were joined; the recording is in the bucket.",
        remedy: "Nothing."
    )

    package static let auditS3MultipartUploadFinalizing = MessageCode(
        "AUDIT_S3_MULTIPART_UPLOAD_FINALIZING",
        .debug,
        explanation: "All parts are uploaded and are being joined.",
        remedy: "Nothing."
    )

    package static let auditS3MultipartUploadInitializationFailed = MessageCode(
        "AUDIT_S3_MULTIPART_UPLOAD_INITIALIZATION_FAILED",
        .warning,
        explanation: "An upload in parts could not be begun; it is tried again.",
        remedy: "Check that the store answers and the configured key may write."
    )

    package static let auditS3NoSuchQueueEntry = MessageCode(
        "AUDIT_S3_NO_SUCH_QUEUE_ENTRY",
        .warning,
        explanation: "A recording was to be uploaded that the queue does not know.",
        remedy: "Look whether somebody removed files from the audit spool."
    )

    package static let auditS3Recovering = MessageCode(
        "AUDIT_S3_RECOVERING",
        .notice,
        explanation: "A recording that an earlier run left behind was found and is uploaded now.",
        remedy: "Nothing."
    )

    package static let auditS3RemoveFailed = MessageCode(
        "AUDIT_S3_REMOVE_FAILED",
        .error,
        explanation: "The local file of an uploaded recording could not be removed.",
        remedy: "Look at the file system of the audit spool, before it fills."
    )

    package static let auditS3SingleUpload = MessageCode(
        "AUDIT_S3_SINGLE_UPLOAD",
        .debug,
        explanation: "A short recording is being uploaded in one piece.",
        remedy: "Nothing."
    )

    package static let auditS3SingleUploadComplete = MessageCode(
        "AUDIT_S3_SINGLE_UPLOAD_COMPLETE",
        .debug,
        explanation: "A recording was uploaded in one piece.",
        remedy: "Nothing."
    )

    package static let auditS3SingleUploadFailed = MessageCode(
        "AUDIT_S3_SINGLE_UPLOAD_FAILED",
        .error,
        explanation: "A recording could not be uploaded in one piece; it is tried again.",
        remedy: "Check that the store answers and the configured key may write."
    )

    static let auditCodes: [MessageCode] = [
        auditS3CannotCloseMetadataFileHandle, auditS3CloseFailed,
        auditS3FailedCreatingMetadataFile, auditS3FailedMetadataJsonEncoding,
        auditS3FailedReadingMetadataFile, auditS3FailedStatQueueEntry,
        auditS3FailedWritingMetadataFile, auditS3MultipartAborting, auditS3MultipartFailedAbort,
        auditS3MultipartFailedList, auditS3MultipartPartUploading,
        auditS3MultipartPartUploadComplete, auditS3MultipartPartUploadFailed,
        auditS3MultipartUpload, auditS3MultipartUploadFinalizationFailed,
        auditS3MultipartUploadFinalized, auditS3MultipartUploadFinalizing,
        auditS3MultipartUploadInitializationFailed, auditS3NoSuchQueueEntry, auditS3Recovering,
        auditS3RemoveFailed, auditS3SingleUpload, auditS3SingleUploadComplete,
        auditS3SingleUploadFailed,
    ]
}
