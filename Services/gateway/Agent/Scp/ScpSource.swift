import CAgent

/// Sends files and folders to the client.
struct ScpSource {
    private let stream: ScpStream
    private let request: ScpRequest

    init(_ stream: ScpStream, _ request: ScpRequest) {
        self.stream = stream
        self.request = request
    }

    func send(_ path: [UInt8]) throws(ScpEnd) {
        var facts = agent_attributes()
        let failure = unsafe withCString(path) { unsafe agent_attributes_of($0, 1, &facts) }
        guard failure == 0 else { return stream.fail(path, errno: -failure) }
        guard !path.contains(10) else { return stream.fail(path, bytes("a line feed in its name")) }
        switch facts.mode & 0o170000 {
        case 0o100000: try sendFile(path, facts)
        case 0o040000 where request.isRecursive: try sendFolder(path, facts)
        default: stream.fail(path, bytes("not a regular file"))
        }
    }

    private func sendFile(_ path: [UInt8], _ facts: agent_attributes) throws(ScpEnd) {
        let file = unsafe withCString(path) { unsafe agent_open($0, Int32(AGENT_READ), 0) }
        guard file >= 0 else { return stream.fail(path, errno: -file) }
        defer { agent_close(file) }
        guard try announce("C", path, facts, facts.size) else { return }
        var rest = facts.size
        var failure: Int32 = 0
        while rest > 0, failure == 0 {
            let count = try stream.content(from: file, atMost: Int(min(rest, 256 * 1024)))
            // A file that became shorter has no errno.
            if count <= 0 { failure = count < 0 ? Int32(-count) : EIO }
            rest -= UInt64(max(count, 0))
        }
        while rest > 0 {
            // The client waits for all that was announced.
            let filler = [UInt8](repeating: 0, count: Int(min(rest, 64 * 1024)))
            stream.send(filler)
            stream.flush()
            rest -= UInt64(filler.count)
        }
        if failure == 0 { stream.acknowledge() } else { stream.fail(path, errno: failure) }
        _ = try stream.response()
    }

    private func sendFolder(_ path: [UInt8], _ facts: agent_attributes) throws(ScpEnd) {
        let folder = unsafe withCString(path) { unsafe agent_open_folder($0) }
        guard folder >= 0 else { return stream.fail(path, errno: -folder) }
        // Read first, so that deep trees do not use up the open folders.
        let names = Self.names(folder)
        agent_close_folder(folder)
        guard try announce("D", path, facts, 0) else { return }
        for name in names { try send(path + [UInt8(ascii: "/")] + name) }
        stream.send(bytes("E\n"))
        _ = try stream.response()
    }

    private static func names(_ folder: Int32) -> [[UInt8]] {
        var names: [[UInt8]] = []
        while true {
            var room = [CChar](repeating: 0, count: 1024)
            let length = unsafe agent_next_name(folder, &room, room.count)
            guard length > 0 else { return names }
            let name = room.prefix(length).map { UInt8(bitPattern: $0) }
            if name != bytes("."), name != bytes("..") { names.append(name) }
        }
    }

    /// The lines before the content: whether the client wants it.
    private func announce(
        _ kind: StaticString,
        _ path: [UInt8],
        _ facts: agent_attributes,
        _ size: UInt64
    ) throws(ScpEnd) -> Bool {
        if request.preserves {
            stream.send(
                bytes("T") + decimal(UInt64(facts.modified)) + bytes(" 0 ")
                    + decimal(UInt64(facts.accessed)) + bytes(" 0\n")
            )
            guard try stream.response() else { return false }
        }
        let mode = [9, 6, 3, 0].map { (shift: UInt32) in
            UInt8(48 + (facts.mode & 0o7777) >> shift & 7)
        }
        stream.send(
            bytes(kind) + mode + bytes(" ") + decimal(size) + bytes(" ") + Self.last(path) + [10]
        )
        return try stream.response()
    }

    /// The last part of a path, which slashes may follow.
    private static func last(_ path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        var end = path.count
        while end > 1, path[end - 1] == slash { end -= 1 }
        let start = path[..<end].lastIndex(of: slash).map { $0 + 1 } ?? 0
        return start < end ? Array(path[start..<end]) : [slash]
    }
}

/// A number in decimal digits.
func decimal(_ value: UInt64) -> [UInt8] {
    var rest = value
    var digits: [UInt8] = []
    repeat {
        digits.append(UInt8(48 + rest % 10))
        rest /= 10
    } while rest > 0
    return digits.reversed()
}
