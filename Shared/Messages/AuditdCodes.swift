/// Codes of auditd and of the way recordings take to it.
extension MessageCode {
    package static let auditdCodes: [MessageCode] = [
        auditDeliveryFailed, auditDeliveryRecovered, auditDeliveryTimeout, auditDeliveryRefused,
        auditDeliveryShutdown, auditDeliveryMoved, auditRecordingGap, auditRecordingAbandoned,
        auditAcknowledgedLost,
        auditdBadBatch, auditdUnknownRecording, auditdOffsetGap, auditdRecordingFinished,
        auditdDiskFloor, auditdDiskFailed, auditdBusy, auditdRecovered, auditdLeaseExpired,
        auditdStoreFailed, auditdIndexRebuilt, auditdIndexFailed, auditdNotDecodable,
        auditdBadQuery, auditdUnauthorized, auditdTooManyFollowers, auditdFinishFailed,
        auditdEncrypted, auditdSpoolDamaged,
    ]

    // MARK: - Gateway

    package static let auditDeliveryFailed = MessageCode(
        "AUDIT_DELIVERY_FAILED",
        .warning,
        explanation: "Recordings could not be handed to auditd; the gateway keeps trying.",
        remedy: "Check that auditd runs, that audit.server.url points to it, and its disk."
    )
    package static let auditDeliveryRecovered = MessageCode(
        "AUDIT_DELIVERY_RECOVERED",
        .notice,
        explanation: "auditd takes recordings again after a failure.",
        remedy: "None; look for AUDIT_RECORDING_GAP and AUDIT_DELIVERY_TIMEOUT before it."
    )
    package static let auditDeliveryTimeout = MessageCode(
        "AUDIT_DELIVERY_TIMEOUT",
        .error,
        explanation: "auditd has not acknowledged a recording within audit.timeout, so its "
            + "connection ends: with strict delivery there is no session without recording.",
        personText: "This session must be recorded and can't be at the moment. "
            + "Please try again later.",
        remedy: "Check auditd and its disk. audit.delivery: besteffort lets sessions go on."
    )
    package static let auditDeliveryRefused = MessageCode(
        "AUDIT_DELIVERY_REFUSED",
        .error,
        explanation: "auditd refused a recording, so its connection ends.",
        personText: "This session must be recorded and can't be at the moment. "
            + "Please try again later.",
        remedy: "The detail has auditd's code; look that up."
    )
    package static let auditDeliveryShutdown = MessageCode(
        "AUDIT_DELIVERY_SHUTDOWN",
        .warning,
        explanation: "A recording could not be completed before the gateway had to stop. auditd "
            + "keeps what it acknowledged and finishes the recording by itself.",
        personText: "The server is shutting down.",
        remedy: "If it happens often, give the gateway more time to stop or look at auditd's speed."
    )
    package static let auditDeliveryMoved = MessageCode(
        "AUDIT_DELIVERY_MOVED",
        .warning,
        explanation:
            "An auditd fails, so recordings go to the next one of audit.replicas. What the "
            + "first one had acknowledged stays there; the parts are joined when they are shown.",
        remedy: "Start the auditd that the label `from` names again: it has the beginnings of "
            + "these recordings."
    )
    package static let auditRecordingGap = MessageCode(
        "AUDIT_RECORDING_GAP",
        .warning,
        explanation: "Messages of a session are missing from its recording, as auditd was too "
            + "slow and audit.delivery is besteffort. The recording says where.",
        remedy: "Check auditd's speed; a larger audit.window bridges longer pauses."
    )
    package static let auditRecordingAbandoned = MessageCode(
        "AUDIT_RECORDING_ABANDONED",
        .error,
        explanation: "A session goes on without its recording, as auditd refuses it and "
            + "audit.delivery is besteffort.",
        remedy: "The detail has auditd's code; look that up."
    )
    package static let auditAcknowledgedLost = MessageCode(
        "AUDIT_ACKNOWLEDGED_LOST",
        .crit,
        explanation: "auditd no longer has bytes of a recording that it had acknowledged.",
        personText: "This session must be recorded and can't be at the moment. "
            + "Please try again later.",
        remedy: "Was auditd's directory replaced, or is the address that of another auditd? "
            + "Keep the disk for examination."
    )

    // MARK: - auditd

    package static let auditdBadBatch = MessageCode(
        "AUDITD_BAD_BATCH",
        .warning,
        explanation: "A request to take recordings is not in the batch format.",
        remedy: "Gateway and auditd must be of versions that fit; see docs/recordings-api.md."
    )
    package static let auditdUnknownRecording = MessageCode(
        "AUDITD_UNKNOWN_RECORDING",
        .info,
        explanation: "There is no recording with this identifier.",
        remedy: "Check the identifier with `berth recording list`."
    )
    package static let auditdOffsetGap = MessageCode(
        "AUDITD_OFFSET_GAP",
        .info,
        explanation: "An append begins after the end of what is there; the sender is told where "
            + "to go on from.",
        remedy: "None; the gateway sends the missing bytes again."
    )
    package static let auditdRecordingFinished = MessageCode(
        "AUDITD_RECORDING_FINISHED",
        .warning,
        explanation: "Bytes came for a recording that is already finished.",
        remedy: "If AUDITD_LEASE_EXPIRED came before it, the gateway was cut off for too long."
    )
    package static let auditdDiskFloor = MessageCode(
        "AUDITD_DISK_FLOOR",
        .error,
        explanation: "The disk has less free space than auditd.minimumFree: new recordings are "
            + "refused, running ones are still taken.",
        remedy: "Free space below auditd.directory, or make the disk larger."
    )
    package static let auditdDiskFailed = MessageCode(
        "AUDITD_DISK_FAILED",
        .crit,
        explanation: "Recordings could not be written to disk; nothing of the request was "
            + "acknowledged.",
        remedy: "Look at the detail: a full disk heals by itself once there is space; after any "
            + "other error check the disk and restart auditd."
    )
    package static let auditdBusy = MessageCode(
        "AUDITD_BUSY",
        .warning,
        explanation: "More requests wait for the disk than auditd keeps; the sender tries again.",
        remedy: "The disk is too slow for the load: use a faster one or more auditd replicas."
    )
    package static let auditdRecovered = MessageCode(
        "AUDITD_RECOVERED",
        .notice,
        explanation: "Recordings that were unfinished when auditd stopped were taken up again.",
        remedy: "Nothing needs to be done."
    )
    package static let auditdSpoolDamaged = MessageCode(
        "AUDITD_SPOOL_DAMAGED",
        .crit,
        explanation: "Bytes of a recording in the spool are not those that were made durable, or "
            + "are missing: the disk lost or changed them while auditd did not run.",
        remedy: "Check the disk and its cache's battery; keep it for examination. The recording "
            + "is kept as it is, without what is damaged at its end."
    )
    package static let auditdLeaseExpired = MessageCode(
        "AUDITD_LEASE_EXPIRED",
        .warning,
        explanation: "A recording was finished by auditd, as its gateway has not been heard of.",
        remedy: "Find out why the gateway ended or was cut off."
    )
    package static let auditdStoreFailed = MessageCode(
        "AUDITD_STORE_FAILED",
        .error,
        explanation: "A finished recording could not be moved to its storage; it stays safe in "
            + "the spool and is tried again.",
        remedy: "Look at the detail, and check the storage."
    )
    package static let auditdIndexRebuilt = MessageCode(
        "AUDITD_INDEX_REBUILT",
        .notice,
        explanation: "Recordings that the index did not know were read and added to it.",
        remedy: "None, if files were added or the index was removed on purpose."
    )
    package static let auditdIndexFailed = MessageCode(
        "AUDITD_INDEX_FAILED",
        .error,
        explanation: "The index of recordings could not be read or written; recordings are not "
            + "affected.",
        remedy: "Check the disk. The index may be removed while auditd is stopped: it is made "
            + "anew from the recordings."
    )
    package static let auditdNotDecodable = MessageCode(
        "AUDITD_NOT_DECODABLE",
        .info,
        explanation: "The recording is kept as asciicast and has no messages to show.",
        remedy: "Ask for the asciicast instead, or record with audit.format: binary."
    )
    package static let auditdBadQuery = MessageCode(
        "AUDITD_BAD_QUERY",
        .info,
        explanation: "A parameter of the request is not what it must be.",
        remedy: "See the parameter in docs/openapi/auditd.yaml."
    )
    package static let auditdUnauthorized = MessageCode(
        "AUDITD_UNAUTHORIZED",
        .warning,
        explanation: "The request to read recordings does not carry the right token.",
        remedy: "Send `Authorization: Bearer TOKEN` with the token of auditd.token."
    )
    package static let auditdFinishFailed = MessageCode(
        "AUDITD_FINISH_FAILED",
        .error,
        explanation: "A recording that has ended could not be encrypted, or its asciicast not be "
            + "made; it stays safe in the spool and is tried again.",
        remedy: "Look at the detail, and check the disk."
    )
    package static let auditdEncrypted = MessageCode(
        "AUDITD_ENCRYPTED",
        .info,
        explanation: "The recording is encrypted, and auditd has no key that reads it.",
        remedy: "Read it with `berth recording` and --identity, which decrypts on your machine."
    )
    package static let auditdTooManyFollowers = MessageCode(
        "AUDITD_TOO_MANY_FOLLOWERS",
        .warning,
        explanation: "More running sessions are being watched than auditd allows at once.",
        remedy: "Close some; the others go on by themselves when their sessions end."
    )
}
