import Foundation

/// Writes MaxMind databases of countries (https://maxmind.github.io/MaxMind-DB/, version 2.0).
package struct GeoDatabaseFile {
    private static let none = -1

    /// Two records a node: the number of a node, `none`, or `-2 - offset` into the data.
    private var nodes: [[Int]] = [[none, none]]
    private var data: [UInt8] = []
    private var offsets: [String: Int] = [:]

    package init() {}

    /// Says that `prefix` (16 bytes, IPv4 in the last four) of `bits` bits is in `country`.
    package mutating func add(_ prefix: [UInt8], bits: Int, country: String) {
        let value = -2 - offset(of: country)
        var node = 0
        for bit in 0..<bits {
            let side = Int(prefix[bit / 8] >> UInt8(7 - bit % 8) & 1)
            if bit == bits - 1 {
                nodes[node][side] = value
                return
            }
            if nodes[node][side] < 0 {
                nodes.append([nodes[node][side], nodes[node][side]])
                nodes[node][side] = nodes.count - 1
            }
            node = nodes[node][side]
        }
    }

    /// Says that an IPv4 network is in `country`.
    package mutating func add(_ a: UInt8, _ b: UInt8, _ c: UInt8, bits: Int, country: String) {
        let prefix = [UInt8](repeating: 0, count: 12) + [a, b, c, 0]
        add(prefix, bits: 96 + bits, country: country)
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for record in nodes.joined() {
            let value =
                switch record {
                case Self.none: nodes.count
                case ..<Self.none: nodes.count + 16 + (-2 - record)
                default: record
                }
            bytes += [UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
        }
        return bytes + [UInt8](repeating: 0, count: 16) + data + metadata
    }

    /// Puts the database in place as an updater would: whole, by renaming.
    package func write(to path: String) throws {
        try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    }

    private mutating func offset(of country: String) -> Int {
        if let known = offsets[country] { return known }
        offsets[country] = data.count
        let code = Self.map([("iso_code", Self.text(country))])
        data += Self.map([("country", code)])
        return offsets[country] ?? 0
    }

    private var metadata: [UInt8] {
        [0xab, 0xcd, 0xef] + Array("MaxMind.com".utf8)
            + Self.map([
                ("binary_format_major_version", Self.number(2, type: 5)),
                ("binary_format_minor_version", Self.number(0, type: 5)),
                // An extended type: 7 is added to the second byte.
                ("build_epoch", [4, 2] + Self.bigEndian(1_700_000_000)),
                ("database_type", Self.text("GeoLite2-Country")),
                ("description", Self.map([])),
                ("ip_version", Self.number(6, type: 5)),
                ("languages", [0, 4]),
                ("node_count", [6 << 5 | 4] + Self.bigEndian(nodes.count)),
                ("record_size", Self.number(24, type: 5)),
            ])
    }

    private static func text(_ text: String) -> [UInt8] {
        [2 << 5 | UInt8(text.utf8.count)] + Array(text.utf8)
    }

    private static func number(_ value: UInt8, type: UInt8) -> [UInt8] { [type << 5 | 1, value] }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(value >> $0 & 255) }
    }

    private static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
        [7 << 5 | UInt8(members.count)] + members.flatMap { text($0) + $1 }
    }
}
