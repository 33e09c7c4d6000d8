/// The first bytes of a program's output, by which an image's agent tells its process id: four,
/// the lowest first.
struct ProcessHeader: ProcessReport {
    /// On a terminal each line feed comes with a carriage return before it.
    let hasTerminal: Bool
    /// The line feed that let the program go comes back before the header.
    let hasEcho: Bool

    private var bytes: [UInt8] = []

    /// The highest that Linux gives (proc(5), `pid_max`).
    private static let highest = 1 << 22
    private static let longestText = 500

    init(hasTerminal: Bool, hasEcho: Bool) {
        self.hasTerminal = hasTerminal
        self.hasEcho = hasEcho
    }

    mutating func take(_ more: some Sequence<UInt8>) -> ProcessLine.Answer {
        bytes += more
        var rest = bytes[...]
        if hasEcho {
            guard let echo = Self.byte(&rest, hasTerminal) else { return .unfinished }
            guard echo == 0x0A else { return .foreign(text) }
        }
        var process = 0
        for place in 0..<4 {
            guard let byte = Self.byte(&rest, hasTerminal) else { return .unfinished }
            process |= Int(byte) << (8 * place)
        }
        guard (1...Self.highest).contains(process) else { return .foreign(text) }
        return .process(process, rest: Array(rest))
    }

    var text: String { String(decoding: bytes.prefix(Self.longestText), as: UTF8.self) }

    private static func byte(_ rest: inout ArraySlice<UInt8>, _ hasTerminal: Bool) -> UInt8? {
        guard let byte = rest.first else { return nil }
        guard hasTerminal, byte == 0x0D else { return rest.removeFirst() }
        guard let next = rest.dropFirst().first else { return nil }
        rest.removeFirst()
        return next == 0x0A ? rest.removeFirst() : byte
    }
}
