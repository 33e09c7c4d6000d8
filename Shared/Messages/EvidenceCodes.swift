/// Codes of the evidence that recordings are what was recorded, and of the ledger that gives it.
extension MessageCode {
    package static let evidenceCodes: [MessageCode] = [
        auditdLedgerStarted, auditdLedgerRotated, auditdLedgerFailed, auditdLedgerBroken,
        auditdLedgerExportFailed, auditdLedgerRolledBack,
        evidenceKeyUnreadable, evidenceLedgerMissing, evidenceLedgerChanged, evidenceLedgerShort,
        evidenceHeadMissing, evidenceHeadChanged, evidenceWitnessDiffers,
        evidenceRecordingChanged, evidenceRecordingMissing, evidenceRecordingUnknown,
        evidenceChainChanged, evidenceRecordingTwice, evidenceLedgerUnknown,
    ]

    package static let auditdLedgerStarted = MessageCode(
        "AUDITD_LEDGER_STARTED",
        .notice,
        explanation: "A new ledger of recordings was begun; the label publicKey has the key that "
            + "verifies it.",
        remedy: "Keep the public key where nobody who can change recordings can change it. If a "
            + "ledger was there before, find out where it went."
    )
    package static let auditdLedgerRotated = MessageCode(
        "AUDITD_LEDGER_ROTATED",
        .notice,
        explanation: "The ledger's key was replaced by a new one, which the old one vouches for.",
        remedy: "Nothing: the first public key still verifies the whole ledger."
    )
    package static let auditdLedgerFailed = MessageCode(
        "AUDITD_LEDGER_FAILED",
        .error,
        explanation: "The ledger of recordings could not be read or written; finished recordings "
            + "stay in the spool until it can.",
        remedy: "Look at the detail: check the disk, and the file of auditd.ledger.key."
    )
    package static let auditdLedgerBroken = MessageCode(
        "AUDITD_LEDGER_BROKEN",
        .crit,
        explanation: "The ledger of recordings was changed, or its key is another one; auditd "
            + "does not start.",
        remedy: "Keep the disk for examination, and run `berth recording verify`. To go on, move "
            + "the folder ledger.d away: a new ledger is begun."
    )

    package static let auditdLedgerExportFailed = MessageCode(
        "AUDITD_LEDGER_EXPORT_FAILED",
        .warning,
        explanation: "The ledger's head could not be copied to a storage; it is tried again, and "
            + "until then an older state of the disk can only be told by the metrics.",
        remedy: "Look at the detail, and check the storage."
    )
    package static let auditdLedgerRolledBack = MessageCode(
        "AUDITD_LEDGER_ROLLED_BACK",
        .crit,
        explanation: "A storage has a head of the ledger that the ledger on the disk does not "
            + "contain: the disk is older than it was, or the ledger was begun anew with its key. "
            + "That head is left as it is.",
        remedy: "Keep the disk for examination, and run `berth recording verify --head` with the "
            + "storage's copy. To go on, keep that copy elsewhere and remove it from the storage."
    )

    // MARK: - Verifying

    package static let evidenceKeyUnreadable = MessageCode(
        "EVIDENCE_KEY_UNREADABLE",
        .error,
        explanation: "The public key is not 64 hexadecimal digits, nor a file that has them.",
        remedy: "Give the key that auditd logged with AUDITD_LEDGER_STARTED."
    )
    package static let evidenceLedgerMissing = MessageCode(
        "EVIDENCE_LEDGER_MISSING",
        .error,
        explanation: "There is no ledger: nothing can be proven.",
        remedy: "Find out who removed it; look for a copy in the storage or in a backup."
    )
    package static let evidenceLedgerChanged = MessageCode(
        "EVIDENCE_LEDGER_CHANGED",
        .error,
        explanation: "An entry of the ledger is not what auditd wrote, or not in its place.",
        remedy: "Compare the ledger with a copy; what stands after this entry proves nothing."
    )
    package static let evidenceLedgerShort = MessageCode(
        "EVIDENCE_LEDGER_SHORT",
        .error,
        explanation: "The ledger ends before the entry that its signed head names: its end was "
            + "cut off.",
        remedy: "Compare the ledger with a copy; recordings of the cut entries may be gone too."
    )
    package static let evidenceHeadMissing = MessageCode(
        "EVIDENCE_HEAD_MISSING",
        .error,
        explanation: "The ledger's signed head is missing, so that a cut end would not be seen.",
        remedy: "Take the head from the storage, or give --witness from the metrics."
    )
    package static let evidenceHeadChanged = MessageCode(
        "EVIDENCE_HEAD_CHANGED",
        .error,
        explanation: "The ledger's head is not what auditd signed.",
        remedy: "Take the head from the storage, and find out who changed this one."
    )
    package static let evidenceWitnessDiffers = MessageCode(
        "EVIDENCE_WITNESS_DIFFERS",
        .error,
        explanation: "The ledger is another one than the one that was seen earlier.",
        remedy: "Somebody with the key wrote it anew, or it was replaced by an older copy."
    )
    package static let evidenceRecordingChanged = MessageCode(
        "EVIDENCE_RECORDING_CHANGED",
        .error,
        explanation: "A recording's bytes are not those that were recorded.",
        remedy: "The detail has the first block that differs; look for a copy in a backup."
    )
    package static let evidenceRecordingMissing = MessageCode(
        "EVIDENCE_RECORDING_MISSING",
        .error,
        explanation: "A recording that the ledger names is gone.",
        remedy: "Find out who removed it; look for a copy in a backup."
    )
    package static let evidenceRecordingUnknown = MessageCode(
        "EVIDENCE_RECORDING_UNKNOWN",
        .error,
        explanation: "A recording is there that the ledger does not name.",
        remedy: "It was added from outside, or its entry was removed with the ledger's end."
    )
    package static let evidenceChainChanged = MessageCode(
        "EVIDENCE_CHAIN_CHANGED",
        .error,
        explanation: "The file with a recording's block hashes is missing or was changed; the "
            + "recording itself is judged by the ledger alone.",
        remedy: "Find out who changed it. Without it, a change can be found but not located."
    )
    package static let evidenceRecordingTwice = MessageCode(
        "EVIDENCE_RECORDING_TWICE",
        .error,
        explanation: "The ledgers of two auditds both name this recording as one that they took.",
        remedy:
            "Find out which of them took it: each recording, and each part of one, has one auditd."
    )
    package static let evidenceLedgerUnknown = MessageCode(
        "EVIDENCE_LEDGER_UNKNOWN",
        .error,
        explanation: "There is a ledger whose public key is none of those that were given.",
        remedy: "Give its key too if it is an auditd of yours; else find out who wrote it."
    )
}
