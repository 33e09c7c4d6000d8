/// Codes of recordings' files as the tool `berth` finds them.
extension MessageCode {
    package static let recordingCodes: [MessageCode] = [
        recordingUnreadable, recordingNotARecording, recordingVersion, recordingTruncated,
        recordingDamaged, recordingUnknownType, recordingEncrypted, recordingIdentity,
        recordingDecryptionFailed, recordingIncomplete, recordingNotWritten,
    ]

    package static let recordingUnreadable = MessageCode(
        "RECORDING_UNREADABLE",
        .error,
        explanation: "The file cannot be opened or read.",
        remedy: "Check the name, and that you may read the file."
    )
    package static let recordingEncrypted = MessageCode(
        "RECORDING_ENCRYPTED",
        .error,
        explanation: "The recording is encrypted.",
        remedy: "Give the file with the age key that reads it: --identity FILE."
    )
    package static let recordingIdentity = MessageCode(
        "RECORDING_IDENTITY",
        .error,
        explanation: "The file given by --identity can't be read or holds no age key, or none of "
            + "its keys opens the recording.",
        remedy: "Give the file that age-keygen wrote with the key of one of the recipients."
    )
    package static let recordingDecryptionFailed = MessageCode(
        "RECORDING_DECRYPTION_FAILED",
        .error,
        explanation: "The encrypted recording was cut off, or changed after it was encrypted.",
        remedy: "What was shown before is authentic. Compare with the ledger by `berth recording "
            + "verify`, and take another copy."
    )
    package static let recordingNotARecording = MessageCode(
        "RECORDING_NOT_A_RECORDING",
        .error,
        explanation: "The file does not begin as a recording does.",
        remedy: "Recordings begin with the word ContainerSSH-Auditlog; an asciicast is text and "
            + "can be played as it is. If it was a recording, verify it: it was changed."
    )
    package static let recordingVersion = MessageCode(
        "RECORDING_VERSION",
        .error,
        explanation: "The recording is of a format version that is not known.",
        remedy: "Use a newer version of the tool."
    )
    package static let recordingTruncated = MessageCode(
        "RECORDING_TRUNCATED",
        .error,
        explanation: "The recording's file ends too early; what it has of messages was printed.",
        remedy: "Copy the file again; if it is kept like this, verify it: it was cut."
    )
    package static let recordingDamaged = MessageCode(
        "RECORDING_DAMAGED",
        .error,
        explanation: "The recording cannot be decoded further; the messages before were printed.",
        remedy: "Copy the file again; if it is kept like this, verify it: it was changed."
    )
    package static let recordingUnknownType = MessageCode(
        "RECORDING_UNKNOWN_TYPE",
        .error,
        explanation: "The recording has a message of a type that is not known.",
        remedy: "Use a newer version of the tool."
    )
    package static let recordingIncomplete = MessageCode(
        "RECORDING_INCOMPLETE",
        .warning,
        explanation: "The recording does not end with a disconnect: the session still runs, its "
            + "gateway vanished, or the file was cut.",
        remedy: "Look at its state with `berth recording list`; `berth recording verify` tells "
            + "whether the file was cut."
    )
    package static let recordingNotWritten = MessageCode(
        "RECORDING_NOT_WRITTEN",
        .error,
        explanation: "The file cannot be written.",
        remedy: "Check the folder, its permissions and its free space; a file that is there is "
            + "not replaced without --force."
    )
}
