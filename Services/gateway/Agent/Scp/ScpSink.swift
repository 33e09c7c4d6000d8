import CAgent

/// Takes files and folders from the client.
struct ScpSink {
    private let stream: ScpStream
    private let request: ScpRequest

    private typealias Times = (modified: UInt32, accessed: UInt32)

    /// What a C or D line says.
    private struct Entry {
        var isFolder: Bool
        var mode: UInt32
        var size: UInt64
        var name: [UInt8]
    }

    init(_ stream: ScpStream, _ request: ScpRequest) {
        self.stream = stream
        self.request = request
    }

    func receive(into target: [UInt8]) throws(ScpEnd) {
        if request.wantsFolder, !isFolder(target) {
            stream.fail(target, errno: ENOTDIR)
            throw ScpEnd()
        }
        try receive(target, isTop: true)
    }

    private func receive(_ target: [UInt8], isTop: Bool) throws(ScpEnd) {
        stream.acknowledge()
        let targetIsFolder = isFolder(target)
        var times: Times?
        while let kind = try next(isTop) {
            let line = try stream.line()
            switch kind {
            case 1: continue
            case 2: throw ScpEnd()
            case UInt8(ascii: "E") where !isTop:
                return stream.acknowledge()
            case UInt8(ascii: "T"):
                times = try self.times(line)
                stream.acknowledge()
            case UInt8(ascii: "C"), UInt8(ascii: "D"):
                let entry = try self.entry(kind, line)
                let path = targetIsFolder ? target + [UInt8(ascii: "/")] + entry.name : target
                try receive(entry, path, times)
                times = nil
            default: throw stream.giveUp("a line of an unknown kind")
            }
        }
    }

    /// What the next line is about; `nil` when the client has ended properly.
    private func next(_ isTop: Bool) throws(ScpEnd) -> UInt8? {
        do throws(ScpEnd) {
            return try stream.byte()
        } catch {
            guard isTop else { throw error }
            return nil
        }
    }

    // MARK: Entries

    private func receive(_ entry: Entry, _ path: [UInt8], _ times: Times?) throws(ScpEnd) {
        if entry.isFolder {
            try receiveFolder(entry, path, times)
        } else {
            try receiveFile(entry, path, times)
        }
    }

    private func receiveFolder(_ entry: Entry, _ path: [UInt8], _ times: Times?) throws(ScpEnd) {
        guard request.isRecursive else { throw stream.giveUp("a folder without -r") }
        var facts = agent_attributes()
        let isThere = unsafe withCString(path) { unsafe agent_attributes_of($0, 1, &facts) } == 0
        if isThere, facts.mode & 0o170000 != 0o040000 { return stream.fail(path, errno: ENOTDIR) }
        if !isThere {
            // Until all is in it, its owner can write.
            let failure = unsafe withCString(path) {
                unsafe agent_make_folder($0, entry.mode | 0o700)
            }
            guard failure == 0 else { return stream.fail(path, errno: -failure) }
        }
        try receive(path, isTop: false)
        if request.preserves || (!isThere && entry.mode & 0o700 != 0o700) {
            let mode = request.preserves ? entry.mode : entry.mode & ~agent_file_mask()
            _ = unsafe withCString(path) { unsafe agent_set_mode($0, -1, mode, 1) }
        }
        if let times { set(times, path) }
    }

    private func receiveFile(_ entry: Entry, _ path: [UInt8], _ times: Times?) throws(ScpEnd) {
        var facts = agent_attributes()
        let isThere = unsafe withCString(path) { unsafe agent_attributes_of($0, 1, &facts) } == 0
        let flags = Int32(AGENT_WRITE | AGENT_CREATE)
        let file = unsafe withCString(path) { unsafe agent_open($0, flags, entry.mode | 0o200) }
        guard file >= 0 else { return stream.fail(path, errno: -file) }
        defer { agent_close(file) }
        stream.acknowledge()
        var failure = try content(entry.size, file)
        if failure == 0, !isThere || facts.mode & 0o170000 == 0o100000 {
            failure = -agent_set_size(nil, file, entry.size)
        }
        if failure == 0, request.preserves || !isThere {
            let mode = request.preserves ? entry.mode : entry.mode & ~agent_file_mask()
            failure = -agent_set_mode(nil, file, mode, 1)
        }
        // The client's own outcome; a file that it could not read in full was padded.
        let isWhole = try stream.response()
        if let times { set(times, path) }
        if failure != 0 {
            stream.fail(path, errno: failure)
        } else if isWhole {
            stream.acknowledge()
        }
    }

    /// Takes the content off the stream, also where it cannot be written: 0 or the errno.
    private func content(_ size: UInt64, _ file: Int32) throws(ScpEnd) -> Int32 {
        var rest = size
        var failure: Int32 = 0
        while rest > 0 {
            let piece = try stream.content(atMost: Int(min(rest, 1 << 30)))
            rest -= UInt64(piece.count)
            if failure == 0 { failure = write(piece, file) }
        }
        return failure
    }

    private func write(_ piece: ArraySlice<UInt8>, _ file: Int32) -> Int32 {
        var done = 0
        while done < piece.count {
            let written = unsafe piece.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe agent_write(file, base + done, buffer.count - done)
            }
            guard written > 0 else { return written < 0 ? Int32(-written) : EIO }
            done += written
        }
        return 0
    }

    private func set(_ times: Times, _ path: [UInt8]) {
        let failure = unsafe withCString(path) {
            unsafe agent_set_times($0, -1, times.accessed, times.modified, 1)
        }
        if failure != 0 { stream.fail(path, errno: -failure) }
    }

    private func isFolder(_ path: [UInt8]) -> Bool {
        var facts = agent_attributes()
        let failure = unsafe withCString(path) { unsafe agent_attributes_of($0, 1, &facts) }
        return failure == 0 && facts.mode & 0o170000 == 0o040000
    }

    // MARK: Lines

    /// `MODE SIZE NAME`.
    private func entry(_ kind: UInt8, _ line: [UInt8]) throws(ScpEnd) -> Entry {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count == 3, let mode = number(parts[0], base: 8), mode <= 0o7777,
            let size = number(parts[1], base: 10)
        else { throw stream.giveUp("a file's line has another shape") }
        let name = Array(parts[2])
        guard name != bytes("."), name != bytes(".."), !name.contains(UInt8(ascii: "/")),
            !name.contains(0)
        else { throw stream.giveUp("an unexpected name") }
        return Entry(
            isFolder: kind == UInt8(ascii: "D"),
            mode: UInt32(mode),
            size: size,
            name: name
        )
    }

    /// `MODIFIED 0 ACCESSED 0`.
    private func times(_ line: [UInt8]) throws(ScpEnd) -> Times {
        let parts = line.split(separator: UInt8(ascii: " "))
        guard parts.count == 4, let modified = number(parts[0], base: 10),
            let accessed = number(parts[2], base: 10)
        else { throw stream.giveUp("a line of times has another shape") }
        return (UInt32(truncatingIfNeeded: modified), UInt32(truncatingIfNeeded: accessed))
    }

    private func number(_ digits: ArraySlice<UInt8>, base: UInt64) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 48, UInt64(digit - 48) < base else { return nil }
            value = value * base + UInt64(digit - 48)
        }
        return value
    }
}
