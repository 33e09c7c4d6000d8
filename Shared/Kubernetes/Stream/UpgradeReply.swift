import Crypto
import NIOCore

/// Reads the API server's reply to a request that turns the connection into a WebSocket.
struct UpgradeReply {
    enum Event {
        /// The stream begins, under this protocol; these bytes of it came along.
        case upgraded(protocol: String, rest: ByteBuffer)
        /// The server refused; nothing of the connection is usable.
        case refused(ClusterRefusal)
    }

    private static let longestHead = 16 << 10
    private static let longestBody = 64 << 10
    /// RFC 6455 §1.3.
    private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    private let key: String
    private var bytes = ByteBuffer()
    /// Set once the head of a refusal is complete.
    private var refusal: (status: Int, length: Int, isChunked: Bool, retryAfter: String?)?

    /// `key` is what the request said as `Sec-WebSocket-Key`.
    init(key: String) { self.key = key }

    /// Takes the next bytes; `nil` as long as more are needed.
    mutating func take(_ more: ByteBuffer) -> Event? {
        bytes.writeImmutableBuffer(more)
        if refusal != nil { return body(isComplete: false) }
        guard let end = endOfHead() else {
            guard bytes.readableBytes <= Self.longestHead else {
                return fault("the reply's head is too long")
            }
            return nil
        }
        guard let head = bytes.readString(length: end) else { return nil }
        let lines = head.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return fault("the reply is no HTTP/1")
        }
        let fields = lines.dropFirst()
        guard status != 101 else { return upgraded(fields) }
        let length = Self.field("content-length", fields).flatMap { Int($0) } ?? Self.longestBody
        refusal = (
            status, max(0, length),
            Self.field("transfer-encoding", fields)?.lowercased() == "chunked",
            Self.field("retry-after", fields)
        )
        return body(isComplete: false)
    }

    /// The connection has ended.
    mutating func end() -> ClusterRefusal {
        if case .refused(let refusal)? = body(isComplete: true) { return refusal }
        return ClusterRefusal(status: 0, message: "the server closed the connection")
    }

    private func upgraded(_ fields: some Sequence<Substring>) -> Event {
        let digest = Insecure.SHA1.hash(data: Array((key + Self.magic).utf8))
        guard Self.field("upgrade", fields)?.lowercased() == "websocket",
            Self.field("sec-websocket-accept", fields) == base64(Array(digest))
        else { return fault("the server's answer is not to our upgrade") }
        return .upgraded(
            protocol: Self.field("sec-websocket-protocol", fields) ?? "",
            rest: bytes
        )
    }

    private func fault(_ text: String) -> Event {
        .refused(ClusterRefusal(status: 0, message: text))
    }

    private func endOfHead() -> Int? {
        let view = bytes.readableBytesView
        var position = view.startIndex
        while let feed = view[position...].firstIndex(of: 0x0A) {
            if view[..<feed].suffix(3).elementsEqual([0x0D, 0x0A, 0x0D]) {
                return feed - view.startIndex + 1
            }
            position = feed + 1
        }
        return nil
    }

    private func body(isComplete: Bool) -> Event? {
        guard let refusal else { return nil }
        var body = Array(bytes.readableBytesView.prefix(Self.longestBody))
        if refusal.isChunked {
            guard
                isComplete || body.suffix(5).elementsEqual(Array("0\r\n\r\n".utf8))
                    || body.count == Self.longestBody
            else { return nil }
            body = Self.unchunked(body)
        } else {
            guard isComplete || body.count >= min(refusal.length, Self.longestBody) else {
                return nil
            }
            body = Array(body.prefix(refusal.length))
        }
        return .refused(
            ClusterRefusal(status: refusal.status, body: body, retryAfter: refusal.retryAfter)
        )
    }

    /// As far as chunks are complete.
    private static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0D) {
            let digits = String(decoding: rest[..<end].prefix { $0 != 0x3B }, as: UTF8.self)
            guard let count = Int(digits, radix: 16), count > 0, count <= longestBody else { break }
            let start = end + 2
            guard start + count <= rest.endIndex else { break }
            result += rest[start..<start + count]
            rest = rest[min(start + count + 2, rest.endIndex)...]
        }
        return result
    }

    private static func field(_ name: String, _ fields: some Sequence<Substring>) -> String? {
        for field in fields {
            guard let colon = field.firstIndex(of: ":"), field[..<colon].lowercased() == name
            else { continue }
            let value = field[field.index(after: colon)...].drop { $0 == " " }
            return String(value.prefix { $0 != " " && $0 != "\t" })
        }
        return nil
    }
}

func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = (0..<3).reduce(0) { sum, offset in
            sum << 8 | (start + offset < bytes.count ? Int(bytes[start + offset]) : 0)
        }
        for position in 0..<4 {
            let isThere = start + position <= bytes.count
            result.append(isThere ? letters[group >> (18 - 6 * position) & 63] : 0x3D)
        }
    }
    return String(decoding: result, as: UTF8.self)
}
