import NIOCore

/// Reads the engine's reply to a request that turns the connection into a stream.
struct UpgradeReply {
    enum Event {
        /// The stream begins; these bytes of it came along.
        case upgraded(ByteBuffer)
        /// The engine refused; nothing of the connection is usable.
        case refused(EngineRefusal)
    }

    /// Heads of the engine's have some hundred bytes.
    private static let longestHead = 16 << 10
    private static let longestBody = 64 << 10

    private var bytes = ByteBuffer()
    /// Set once the head of a refusal is complete.
    private var refusal: (status: Int, length: Int)?

    /// Takes the next bytes; `nil` as long as more are needed.
    mutating func take(_ more: ByteBuffer) -> Event? {
        bytes.writeImmutableBuffer(more)
        if refusal != nil { return body(isComplete: false) }
        guard let end = endOfHead() else {
            guard bytes.readableBytes <= Self.longestHead else {
                return .refused(EngineRefusal(status: 0, message: "the reply's head is too long"))
            }
            return nil
        }
        guard let head = bytes.readString(length: end) else { return nil }
        let lines = head.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return .refused(EngineRefusal(status: 0, message: "the reply is no HTTP/1"))
        }
        // Engines answered 200 before they learned to say 101; the stream is the same.
        if status == 101 || status == 200 { return .upgraded(bytes) }
        refusal = (status, Self.length(lines.dropFirst()))
        return body(isComplete: false)
    }

    /// The connection has ended.
    mutating func end() -> EngineRefusal {
        if case .refused(let refusal)? = body(isComplete: true) { return refusal }
        return EngineRefusal(status: 0, message: "the engine closed the connection")
    }

    private func endOfHead() -> Int? {
        let view = bytes.readableBytesView
        var position = view.startIndex
        while let feed = view[position...].firstIndex(of: 0x0A) {
            let before = view[..<feed].suffix(3)
            if before.elementsEqual([0x0D, 0x0A, 0x0D]) {
                return feed - view.startIndex + 1
            }
            position = feed + 1
        }
        return nil
    }

    private func body(isComplete: Bool) -> Event? {
        guard let refusal else { return nil }
        guard isComplete || bytes.readableBytes >= min(refusal.length, Self.longestBody) else {
            return nil
        }
        let body = Array(bytes.readableBytesView.prefix(refusal.length))
        return .refused(EngineClient.refusal(status: refusal.status, body: body))
    }

    /// Without a stated length the body ends with the connection, or at our limit.
    private static func length(_ fields: some Sequence<Substring>) -> Int {
        for field in fields {
            guard let colon = field.firstIndex(of: ":"),
                field[..<colon].lowercased() == "content-length"
            else { continue }
            let value = field[field.index(after: colon)...].filter { $0 != " " }
            return max(0, Int(value) ?? longestBody)
        }
        return longestBody
    }
}
