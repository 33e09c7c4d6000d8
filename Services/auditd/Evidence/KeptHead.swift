import Foundation

/// A signed head of a ledger that is kept where auditd's own disk does not reach.
package struct KeptHead: Sendable, Hashable {
    /// Of its file.
    package var name: String
    package var line: [UInt8]

    package init(name: String, line: [UInt8]) {
        self.name = name
        self.line = line
    }

    /// The first digits of its ledger's first public key, by its name.
    var digits: String { String(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)) }

    private static let prefix = "ledger-"
    private static let suffix = ".head"
    /// Digits of a public key that name a ledger.
    private static let digitCount = 16

    /// The first digits of a ledger's first public key, which tell it from others.
    package static func digits(_ key: [UInt8]) -> String { String(key.hex.prefix(digitCount)) }

    /// What the head of a ledger is kept as; each auditd has a ledger of its own.
    package static func name(ofLedger key: String) -> String {
        prefix + key.prefix(digitCount) + suffix
    }

    /// Those in a folder; none if there is no such folder.
    package static func all(in folder: String) throws -> [KeptHead] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
            .map { name in
                let file = URL(filePath: "\(folder)/\(name)")
                return KeptHead(name: name, line: Array(try Data(contentsOf: file)))
            }
    }
}
