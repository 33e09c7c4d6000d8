import CAgent

/// `scp`: the far end of OpenSSH's `scp -O` (the protocol of BSD's rcp), for images without one.
enum ScpMode {
    static func run(_ arguments: [[UInt8]]) -> Int32 {
        guard let request = ScpRequest(arguments) else {
            printLine(2, bytes("usage: scp [-prd] -f PATH… | -t PATH (as scp calls it)"))
            return 1
        }
        let stream = ScpStream()
        do throws(ScpEnd) {
            if request.sends {
                _ = try stream.response()
                let source = ScpSource(stream, request)
                for path in request.paths { try source.send(path) }
            } else {
                try ScpSink(stream, request).receive(into: request.paths[0])
            }
        } catch {
            stream.flush()
            return 1
        }
        stream.flush()
        return stream.hasFailed ? 1 : 0
    }
}

/// The peer is gone, or the one to give up was told.
struct ScpEnd: Error {}

/// What scp was called with.
struct ScpRequest {
    /// `-f`: files go to the client; else `-t`: they come from it.
    var sends = false
    var isRecursive = false
    /// Modes and times are those of the source.
    var preserves = false
    /// The target has to be a folder.
    var wantsFolder = false
    var paths: [[UInt8]] = []

    init?(_ arguments: [[UInt8]]) {
        var rest = arguments[...]
        var receives = false
        while let option = rest.first, option.count > 1, option[0] == UInt8(ascii: "-") {
            rest.removeFirst()
            if option == bytes("--") { break }
            for letter in option.dropFirst() {
                switch letter {
                case UInt8(ascii: "f"): sends = true
                case UInt8(ascii: "t"): receives = true
                case UInt8(ascii: "r"): isRecursive = true
                case UInt8(ascii: "p"): preserves = true
                case UInt8(ascii: "d"): wantsFolder = true
                // What concerns only the client's output.
                case UInt8(ascii: "v"), UInt8(ascii: "q"), UInt8(ascii: "B"), UInt8(ascii: "1"):
                    break
                default: return nil
                }
            }
        }
        paths = Array(rest)
        guard sends != receives, !paths.isEmpty, sends || paths.count == 1 else { return nil }
    }
}

/// The lines and answers that scp exchanges on standard input and output.
final class ScpStream {
    private var input = InputBuffer(longest: 64 * 1024)
    private var output = ByteQueue(keeps: 1 << 20)
    private(set) var hasFailed = false

    private static let longestLine = 16 * 1024

    func send(_ text: [UInt8]) { output.append(text) }

    func acknowledge() { output.append([0]) }

    /// Tells of something that could not be done; the rest goes on.
    func fail(_ path: [UInt8], _ text: [UInt8]) {
        hasFailed = true
        let clean = path.map { $0 == 10 ? UInt8(ascii: "?") : $0 }
        output.append([1] + bytes("scp: ") + clean + bytes(": ") + text + [10])
    }

    func fail(_ path: [UInt8], errno number: Int32) { fail(path, errorText(number)) }

    /// Tells of what makes going on impossible.
    func giveUp(_ text: StaticString) -> ScpEnd {
        hasFailed = true
        output.append([1] + bytes("scp: ") + bytes(text) + [10])
        return ScpEnd()
    }

    /// Whether the peer agrees with what was sent last.
    func response() throws(ScpEnd) -> Bool {
        let answer = try byte()
        if answer == 0 { return true }
        hasFailed = true
        _ = try line()
        if answer == 2 { throw ScpEnd() }
        return false
    }

    func byte() throws(ScpEnd) -> UInt8 {
        try waitForInput()
        return input.take(1).first ?? 0
    }

    /// The rest of a line, without its end.
    func line() throws(ScpEnd) -> [UInt8] {
        var line: [UInt8] = []
        while true {
            let byte = try byte()
            if byte == 10 { return line }
            guard line.count < Self.longestLine else { throw giveUp("a line is too long") }
            line.append(byte)
        }
    }

    /// The next bytes of a file, at most so many.
    func content(atMost room: Int) throws(ScpEnd) -> ArraySlice<UInt8> {
        try waitForInput()
        return input.take(min(room, input.count))
    }

    func content(from file: Int32, atMost room: Int) throws(ScpEnd) -> Int {
        let count = output.append(from: file, room: room, header: { _ in [] }, headerLength: 0)
        guard write() else { throw ScpEnd() }
        return count
    }

    /// What was sent last goes out in any case.
    func flush() { _ = write() }

    private func write() -> Bool {
        while !output.isEmpty {
            if output.write(to: 1) < 0 { return false }
        }
        return true
    }

    private func waitForInput() throws(ScpEnd) {
        guard input.count == 0 else { return }
        guard write(), input.fill(from: 0) > 0 else { throw ScpEnd() }
    }
}
