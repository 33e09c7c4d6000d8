import Glibc
import Testing

/// The gateway's end of the protocol, one frame after the other.
final class FakeGateway {
    let child: AgentChild
    let window: UInt32
    private var read: [UInt8] = []
    private var waiting: [Frame] = []
    private var lastID: UInt32 = 0
    /// Gives window for all DATA it reads.
    var givesWindow = true

    init(
        window: UInt32 = 1 << 20,
        greets: Bool = true,
        program: String = AgentChild.path,
        arguments: [String] = ["init"]
    ) throws {
        self.window = window
        child = try AgentChild(arguments, program: program)
        guard greets else { return }
        try send(hello(window: window))
        let answer = try next()
        guard answer.kind == Kind.hello, answer.body.count == 21 else {
            throw Unexpected(description: "no HELLO: \(answer)")
        }
    }

    func newID() -> UInt32 {
        lastID += 2
        return lastID
    }

    func send(_ frame: Frame) throws { try child.write(frame.bytes) }

    func send(_ kind: UInt8, _ id: UInt32, _ body: [UInt8] = []) throws {
        try send(Frame(kind: kind, id: id, body: body))
    }

    /// The next frame of all.
    func next() throws -> Frame {
        if !waiting.isEmpty { return waiting.removeFirst() }
        return try receive()
    }

    /// The next frame about `id`; others wait.
    func next(about id: UInt32) throws -> Frame {
        if let place = waiting.firstIndex(where: { $0.id == id }) {
            return waiting.remove(at: place)
        }
        while true {
            let frame = try receive()
            if frame.id == id { return frame }
            waiting.append(frame)
        }
    }

    /// The next frame about `id`, which is of this kind.
    @discardableResult
    func expect(_ kind: UInt8, _ id: UInt32) throws -> Frame {
        let frame = try next(about: id)
        guard frame.kind == kind else {
            throw Unexpected(description: "kind \(kind) expected, not \(frame)")
        }
        return frame
    }

    private func receive() throws -> Frame {
        while true {
            if read.count >= 4 {
                let length = Int(read.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
                if read.count >= 4 + length { return try take(length) }
            }
            let piece = try child.read()
            guard !piece.isEmpty else { throw Unexpected(description: "the agent ended") }
            read += piece
        }
    }

    private func take(_ length: Int) throws -> Frame {
        let frame = Frame(
            kind: read[4],
            id: read[5..<9].reduce(0) { $0 << 8 | UInt32($1) },
            body: Array(read[9..<4 + length])
        )
        read.removeFirst(4 + length)
        if frame.kind == Kind.data, givesWindow {
            try? giveWindow(frame.id, frame.body[0], frame.body.count - 1)
        }
        return frame
    }

    func giveWindow(_ id: UInt32, _ channel: UInt8, _ count: Int) throws {
        try send(Kind.window, id, [channel] + u32(UInt32(count)))
    }

    // MARK: Programs

    /// Starts a program: its id and process id.
    func start(_ start: Start) throws -> (id: UInt32, pid: Int32) {
        let id = newID()
        try send(Kind.start, id, start.body)
        return (id, Int32(try expect(Kind.started, id).number(at: 0)))
    }

    func write(_ id: UInt32, _ text: String) throws {
        try send(Kind.data, id, [0] + Array(text.utf8))
    }

    func end(_ id: UInt32) throws { try send(Kind.end, id, [0]) }

    /// Waits for CLOSE, and answers it.
    func collect(_ id: UInt32) throws -> Outcome {
        var outcome = Outcome()
        while true {
            let frame = try next(about: id)
            switch frame.kind {
            case Kind.data where frame.body[0] == 2: outcome.errors += frame.body.dropFirst()
            case Kind.data: outcome.output += frame.body.dropFirst()
            case Kind.exited: outcome.exit = (frame.body[0], frame.number(at: 1))
            case Kind.end: outcome.ended.append(frame.body[0])
            case Kind.close:
                try? send(Kind.close, id)
                return outcome
            case Kind.window: continue
            default: throw Unexpected(description: "about a program: \(frame)")
            }
        }
    }

    func run(_ program: Start) throws -> Outcome { try collect(try start(program).id) }

    /// Reads DATA of `id` until `text` has come.
    func read(_ id: UInt32, until text: String) throws -> String {
        var all = ""
        while !all.contains(text) {
            let frame = try next(about: id)
            if frame.kind == Kind.window { continue }
            guard frame.kind == Kind.data else {
                throw Unexpected(description: "\(frame) after \(all)")
            }
            all += String(decoding: frame.body.dropFirst(), as: UTF8.self)
        }
        return all
    }

    /// The next INPUT about `id`, whatever comes before it.
    func expectInput(_ id: UInt32) throws -> Frame {
        while true {
            let frame = try next(about: id)
            if frame.kind == Kind.input { return frame }
        }
    }

    /// FAILED's errno.
    func expectFailure(_ id: UInt32) throws -> Int32 {
        Int32(try expect(Kind.failed, id).number(at: 0))
    }

    /// That the agent still does what it should.
    func checkAlive() throws {
        try send(Kind.ping, 0, [1, 2, 3])
        #expect(try expect(Kind.pong, 0).body == [1, 2, 3])
    }
}

/// What a program left.
struct Outcome {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var exit: (kind: UInt8, number: UInt32)?
    /// Channels in the order of their ENDs.
    var ended: [UInt8] = []

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
}
