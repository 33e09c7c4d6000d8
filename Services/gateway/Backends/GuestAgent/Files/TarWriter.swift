/// Writes a tar archive in the format `ustar` (POSIX.1, pax(1), "ustar Interchange Format").
///
/// For names of at most 100 bytes and files below 8 GiB; everything belongs to root.
struct TarWriter {
    private static let block = 512

    private var bytes: [UInt8] = []

    mutating func folder(_ name: String) { header(name, type: "5", mode: 0o755, size: 0) }

    mutating func file(_ name: String, mode: Int, _ content: [UInt8]) {
        header(name, type: "0", mode: mode, size: content.count)
        bytes += content
        pad()
    }

    mutating func link(_ name: String, to target: String) {
        header(name, type: "2", mode: 0o777, size: 0, target: target)
    }

    /// The archive with its end.
    consuming func finish() -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: 2 * Self.block)
    }

    private mutating func header(
        _ name: String,
        type: String,
        mode: Int,
        size: Int,
        target: String = ""
    ) {
        var block = [UInt8](repeating: 0, count: Self.block)
        func put(_ text: String, _ offset: Int, _ length: Int) {
            for (index, byte) in text.utf8.prefix(length).enumerated() {
                block[offset + index] = byte
            }
        }
        put(name, 0, 100)
        put(Self.octal(mode, 7), 100, 7)
        put(Self.octal(0, 7), 108, 7)
        put(Self.octal(0, 7), 116, 7)
        put(Self.octal(size, 11), 124, 11)
        put(Self.octal(0, 11), 136, 11)
        put("        ", 148, 8)
        put(type, 156, 1)
        put(target, 157, 100)
        put("ustar", 257, 5)
        put("00", 263, 2)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(Self.octal(sum, 6) + "\0 ", 148, 8)
        bytes += block
    }

    private mutating func pad() {
        let rest = bytes.count % Self.block
        if rest > 0 { bytes += [UInt8](repeating: 0, count: Self.block - rest) }
    }

    private static func octal(_ number: Int, _ digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
