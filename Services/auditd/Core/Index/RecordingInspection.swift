import AuditClient
import NIOCore
import SharedAge
import SharedAudit

/// Learns from a recording's own bytes what the index knows of it.
struct RecordingInspection {
    private(set) var facts = RecordingFacts(remoteAddress: "", country: "XX", startedAt: 0)
    /// Whether its writer completed it.
    private(set) var isComplete = false

    /// How many bytes from the beginning are looked at. User and container are named within the
    /// first messages, and a recording in which nobody logged in is short.
    static let beginning = 256 << 10

    /// Takes the recording's first bytes (at most `beginning`) and last ten.
    init(beginning: ByteBuffer, end: ByteBuffer, modifiedAt: Int64) {
        if beginning.getInteger(at: beginning.readerIndex) == UInt8(ascii: "{") {
            readCast(beginning)
        } else if AgeDecryptor.isAge(beginning) {
            // Nothing but that it is there, and whole: only such recordings are encrypted.
            isComplete = true
        } else {
            readBinary(beginning)
            isComplete = Self.isEnd(end)
        }
        if facts.startedAt == 0 { facts.startedAt = modifiedAt }
    }

    /// What a writer ends with: an empty stored block that completes the last piece, of which the
    /// first byte may begin with bits of that piece, and another one (RFC 1951 §3.2.4). A part of a
    /// recording may have no more than the last of these bytes.
    private static let end: [UInt8] = [0, 0, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0xFF]

    private static func isEnd(_ bytes: ByteBuffer) -> Bool {
        let count = min(bytes.readableBytes, end.count)
        return count > 0 && bytes.readableBytesView.suffix(count).elementsEqual(end.suffix(count))
    }

    private mutating func readBinary(_ bytes: ByteBuffer) {
        var decoder = RecordingDecoder()
        for case .message(let message) in decoder.feed(bytes) {
            switch message.event {
            case .connect(let address, let country):
                (facts.remoteAddress, facts.country) = (address, country)
                facts.startedAt = message.timestamp
            case .handshakeSuccessful(let username):
                facts.username = username
            case .container(let name): facts.container = name
            case .passwordAccepted(let username, _), .publicKeyAccepted(let username, _):
                facts.username = username
            default: continue
            }
        }
    }

    private mutating func readCast(_ bytes: ByteBuffer) {
        struct Header: Decodable { var timestamp: Int64 }
        facts.format = .asciinema
        isComplete = true
        var bytes = bytes
        guard let end = bytes.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
            let line = bytes.readSlice(length: end - bytes.readerIndex),
            let header = try? BatchJSON.decode(Header.self, from: line)
        else { return }
        facts.startedAt =
            header.timestamp.multipliedReportingOverflow(by: 1_000_000_000)
            .partialValue
    }
}
