/// The kinds of docs/agent-protocol.md.
enum Kind {
    static let hello: UInt8 = 1
    static let ping: UInt8 = 2
    static let pong: UInt8 = 3
    static let log: UInt8 = 4
    static let start: UInt8 = 16
    static let started: UInt8 = 17
    static let failed: UInt8 = 18
    static let exited: UInt8 = 19
    static let signal: UInt8 = 20
    static let resize: UInt8 = 21
    static let kill: UInt8 = 22
    static let input: UInt8 = 23
    static let data: UInt8 = 32
    static let end: UInt8 = 33
    static let window: UInt8 = 34
    static let close: UInt8 = 35
    static let dial: UInt8 = 48
    static let opened: UInt8 = 49
    static let listen: UInt8 = 50
    static let listening: UInt8 = 51
    static let accepted: UInt8 = 52
    static let writeFile: UInt8 = 64
    static let written: UInt8 = 65
}

struct Frame: Equatable, CustomStringConvertible {
    var kind: UInt8
    var id: UInt32
    var body: [UInt8] = []

    var bytes: [UInt8] { u32(UInt32(body.count + 5)) + [kind] + u32(id) + body }

    var description: String { "kind \(kind), id \(id), \(body.count) bytes \(body.prefix(40))" }

    /// The number that begins at a place of the body.
    func number(at place: Int) -> UInt32 {
        body.dropFirst(place).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

func u16(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

func u32(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
}

func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

func string(_ bytes: [UInt8]) -> [UInt8] { u32(UInt32(bytes.count)) + bytes }

func strings(_ list: [String]) -> [UInt8] { u16(UInt16(list.count)) + list.flatMap { string($0) } }

/// What START asks for.
struct Start {
    var arguments: [String]
    var program: String?
    var folder = ""
    var environment: [String] = []
    var replacesEnvironment = false
    var terminal: (columns: UInt32, rows: UInt32)?
    var modes: [UInt8] = [0]
    var tellsInput = false

    init(_ arguments: String...) { self.arguments = arguments }

    static func shell(_ line: String) -> Start { Start("sh", "-c", line) }

    var body: [UInt8] {
        let flags: UInt8 =
            (terminal == nil ? 0 : 1) | (replacesEnvironment ? 2 : 0) | (tellsInput ? 4 : 0)
        var body = [flags] + string(folder) + string(program ?? arguments.first ?? "")
        body += strings(arguments) + strings(environment)
        if let terminal {
            body += u32(terminal.columns) + u32(terminal.rows) + u32(0) + u32(0) + string(modes)
        }
        return body
    }
}

func hello(version: UInt16 = 1, window: UInt32 = 1 << 20) -> Frame {
    Frame(kind: Kind.hello, id: 0, body: Array("BERTH-AGENT".utf8) + u16(version) + u32(window))
}

func number16(_ bytes: ArraySlice<UInt8>) -> UInt16 { bytes.reduce(0) { $0 << 8 | UInt16($1) } }
