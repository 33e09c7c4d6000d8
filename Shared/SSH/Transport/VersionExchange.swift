import NIOCore

/// Reads the peer's identification line (RFC 4253 §4.2).
struct VersionExchange {
    let role: TransportRole
    private var linesBefore = 0

    /// With CR LF (RFC 4253 §4.2); lines before the identification are held to it, too.
    static let maximumLineLength = 255
    /// Lines a server may send before its identification, for example a legal notice.
    static let maximumLinesBefore = 64

    init(role: TransportRole) {
        self.role = role
    }

    /// Takes the identification off `inbound`, or nothing if it has not arrived.
    mutating func next(_ inbound: inout ByteBuffer) throws(TransportError) -> String? {
        while let line = try takeLine(&inbound) {
            if line.starts(with: "SSH-".utf8) { return try accept(line) }
            linesBefore += 1
            guard role == .client, linesBefore <= Self.maximumLinesBefore else { throw .notSSH }
        }
        return nil
    }

    /// One line without its end; LF alone is taken for an end, as OpenSSH does.
    private func takeLine(
        _ inbound: inout ByteBuffer
    ) throws(TransportError) -> ByteBufferView? {
        let seen = inbound.readableBytesView.prefix(Self.maximumLineLength)
        guard let end = seen.firstIndex(of: UInt8(ascii: "\n")) else {
            guard seen.count < Self.maximumLineLength else { throw .notSSH }
            if role == .server { try refuseOtherProtocols(seen) }
            return nil
        }
        inbound.moveReaderIndex(forwardBy: end - seen.startIndex + 1)
        let line = seen[..<end]
        return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    }

    /// A client's first bytes are `SSH-`; waiting for the end of another line is of no use.
    private func refuseOtherProtocols(_ seen: ByteBufferView) throws(TransportError) {
        guard zip(seen, "SSH-".utf8).allSatisfy({ $0 == $1 }) else { throw .notSSH }
    }

    private func accept(_ line: ByteBufferView) throws(TransportError) -> String {
        guard line.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else { throw .notSSH }
        let text = String(decoding: line, as: UTF8.self)
        // 1.99 is a server that speaks both (RFC 4253 §5.1).
        guard text.hasPrefix("SSH-2.0-") || (role == .client && text.hasPrefix("SSH-1.99-")) else {
            throw .unsupportedVersion(text)
        }
        return text
    }
}
