/// Where auditd answers. `{id}` is 32 lower-case hexadecimal digits.
package enum RecordingRoutes {
    /// `POST`: a `RecordingBatch`; answered by a `BatchReply`.
    package static let batch = "/v1/recordings/batch"
    /// `GET`: a `RecordingPage`.
    package static let list = "/v1/recordings"

    /// `GET`: a `RecordingSummary`.
    package static func summary(_ id: RecordingID) -> String { "\(list)/\(id)" }
    /// `GET`: the bytes as they were recorded.
    package static func raw(_ id: RecordingID) -> String { "\(list)/\(id)/raw" }
    /// `GET`: the bytes of one part alone.
    package static func rawPart(_ id: RecordingID) -> String { "\(raw(id))?part=true" }
    /// `GET`: one JSON object per message and line.
    package static func messages(_ id: RecordingID) -> String { "\(list)/\(id)/messages" }
    /// `GET`: asciicast version 2.
    package static func cast(_ id: RecordingID) -> String { "\(list)/\(id)/cast" }

    /// `GET`: what happens from now on, as server-sent events.
    package static func live(_ id: RecordingID) -> String { "\(list)/\(id)/live" }
    /// `GET`: `RecordedLines`.
    package static let lines = "/v1/lines"

    /// `GET`: the hashes of its blocks, 32 bytes each.
    package static func links(_ id: RecordingID) -> String { "\(list)/\(id)/links" }
    /// `GET`: the ledger's lines.
    package static let ledger = "/v1/ledger"
    /// `GET`: the ledger's signed head.
    package static let ledgerHead = "/v1/ledger/head"

    /// The content type of a batch.
    package static let batchType = "application/vnd.berth.recording-batch"
    /// Most bytes of one batch.
    package static let batchLimit = 16 << 20
}
