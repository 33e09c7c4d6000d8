package import NIOCore

/// Writes asciicast: one header line, then a line for each piece of terminal output.
///
/// The header is written when a program starts, with what is known by then (environment, size,
/// command), or at the end if none did. Bytes at the end of a piece that may be the beginning of a
/// character wait for the rest.
package struct CastEncoder: AuditEncoder {
    package enum Version: Sendable, Hashable {
        /// What the original writes: output only, times count from the connect message.
        case two
        /// Times count from the event before; changes of the terminal's size and the last exit
        /// status are events too.
        case three
    }

    private struct StreamKey: Hashable {
        var channel: UInt64?
        var stream: AuditEvent.Stream
    }

    private var output = ByteBuffer()
    private var wroteHeader = false
    private var connectedAt: Int64 = 0
    private var latest: Int64 = 0
    private var width: UInt32 = 80
    private var height: UInt32 = 25
    private var environment: [String: String] = [:]
    private var held: [StreamKey: [UInt8]] = [:]
    private let version: Version
    /// Version 3: the event before.
    private var lastEventAt: Int64?
    private var exitStatus: UInt32?

    package init(version: Version = .two) { self.version = version }

    package mutating func append(_ message: AuditMessage) {
        latest = message.timestamp
        switch message.event {
        case .connect: connectedAt = message.timestamp
        case .environment(_, let name, let value): environment[name] = value
        case .terminal(_, let term, let size, _):
            environment["TERM"] = term
            take(size)
        case .exec(_, let program): writeHeader(command: program)
        case .shell, .subsystem: writeHeader(command: "/bin/sh")
        case .io(let stream, let data):
            writeHeader(command: "/bin/sh")
            guard stream != .stdin, let data else { return }
            write(data, from: StreamKey(channel: message.channelID, stream: stream))
        case .windowChange(_, let size) where version == .three:
            guard wroteHeader, size.columns > 0, size.rows > 0 else { return take(size) }
            writeEvent("r", "\(size.columns)x\(size.rows)")
        case .exit(let status): exitStatus = status
        case .close: release { $0.channel == message.channelID }
        default: return
        }
    }

    /// A client without a window of its own says 0 (RFC 4254 §6.2), which no player can show.
    private mutating func take(_ size: AuditEvent.Size) {
        if size.columns > 0 { width = size.columns }
        if size.rows > 0 { height = size.rows }
    }

    package mutating func flush(using deflater: Deflater) -> ByteBuffer { take() }

    package mutating func finish(using deflater: Deflater) -> ByteBuffer { finish() }

    /// As the protocol's `flush`; text needs no compressor.
    package mutating func take() -> ByteBuffer {
        defer { output = ByteBuffer() }
        return output
    }

    /// As the protocol's `finish`; text needs no compressor.
    package mutating func finish() -> ByteBuffer {
        writeHeader(command: "")
        release { _ in true }
        if version == .three, let exitStatus { writeEvent("x", String(exitStatus)) }
        exitStatus = nil
        return take()
    }

    private mutating func writeHeader(command: String) {
        guard !wroteHeader else { return }
        wroteHeader = true
        var line = head
        line += ",\"timestamp\":\(connectedAt / 1_000_000_000),\"command\":"
        line.appendJSON(command)
        line += version == .two ? ",\"title\":\"\",\"env\":{" : ",\"env\":{"
        let names = environment.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for (index, name) in names.enumerated() {
            if index > 0 { line += "," }
            line.appendJSON(name)
            line += ":"
            line.appendJSON(environment[name] ?? "")
        }
        output.writeString(line + "}}\n")
        environment = [:]
    }

    /// The header up to the terminal's size.
    private var head: String {
        guard version == .three else {
            return "{\"version\":2,\"width\":\(width),\"height\":\(height)"
        }
        var line = "{\"version\":3,\"term\":{\"cols\":\(width),\"rows\":\(height)"
        if let type = environment["TERM"] {
            line += ",\"type\":"
            line.appendJSON(type)
        }
        return line + "}"
    }

    private mutating func write(_ data: ByteBuffer, from key: StreamKey) {
        let bytes = (held.removeValue(forKey: key) ?? []) + Array(data.readableBytesView)
        let incomplete = UTF8Sequence.incompleteSuffix(of: bytes)
        if incomplete > 0 { held[key] = Array(bytes.suffix(incomplete)) }
        writeEvent(bytes.dropLast(incomplete))
    }

    private mutating func release(where isEnded: (StreamKey) -> Bool) {
        for key in held.keys.filter(isEnded) {
            writeEvent((held.removeValue(forKey: key) ?? [])[...])
        }
    }

    private mutating func writeEvent(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        writeEvent("o", String(repairing: bytes))
    }

    private mutating func writeEvent(_ kind: String, _ text: String) {
        let start = version == .two ? connectedAt : lastEventAt ?? connectedAt
        var line = "[\(Self.seconds(latest &- start)),\"\(kind)\","
        line.appendJSON(text)
        output.writeString(line + "]\n")
        lastEventAt = latest
    }

    /// Nanoseconds as seconds in the shortest decimal form; below a microsecond with an exponent.
    static func seconds(_ nanoseconds: Int64) -> String {
        let sign = nanoseconds < 0 ? "-" : ""
        let (whole, fraction) = nanoseconds.magnitude.quotientAndRemainder(
            dividingBy: 1_000_000_000
        )
        guard fraction > 0 else { return sign + String(whole) }
        var digits = String(fraction)
        if whole == 0, fraction < 1000 {
            let exponent = 10 - digits.count
            while digits.last == "0" { digits.removeLast() }
            let tail = digits.dropFirst()
            return sign + digits.prefix(1) + (tail.isEmpty ? "" : "." + tail) + "e-\(exponent)"
        }
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(sign)\(whole).\(digits)"
    }
}
