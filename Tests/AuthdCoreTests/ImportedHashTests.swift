import Testing

@testable import AuthdCore

@Suite("Imported hashes")
struct ImportedHashTests {
    private static let password = [UInt8]("secret".utf8)
    private static let bcrypt = "$2b$05$abcdefghijklmnopqrstuu" + String(repeating: "a", count: 31)

    @Test("what crypt makes is usable", arguments: ["$y$", "$gy$", "$7$", "$6$", "$5$", "$2b$"])
    func whole(prefix: String) throws {
        let cost: UInt = prefix == "$6$" || prefix == "$5$" ? 1000 : prefix == "$2b$" ? 4 : 1
        let setting = try Yescrypt.salt(prefix, cost: prefix == "$7$" ? 6 : cost)
        #expect(ImportedHash.isUsable(try Yescrypt.hash(Self.password, setting: setting)))
    }

    @Test("a setting without its hash, and a hash that was cut or prolonged, are not")
    func parts() throws {
        let setting = try Yescrypt.salt("$y$", cost: 1)
        let hash = try Yescrypt.hash(Self.password, setting: setting)
        for text in [setting, String(hash.dropLast()), hash + "a", hash + "\n", " " + hash] {
            #expect(!ImportedHash.isUsable(text), "\(text)")
        }
    }

    @Test(
        "weak, locked and unknown ones are not",
        arguments: [
            "", "!", "*", "x", "!" + bcrypt, "$1$salt$qJH7.N4xYta3aEG/dfqo/0", "rl.3StKT.4T8M",
            "_J9..rasmBYk8r9AiWNc", "$3$$8846f7eaee8fb117ad06bdd830b7586c", "plaintext",
            "$6$salt$" + String(repeating: "a", count: 85) + ":",
            "$y$j9T$" + String(repeating: "$", count: 100),
            "$2b$05$" + String(repeating: "ü", count: 53),
        ]
    )
    func others(text: String) { #expect(!ImportedHash.isUsable(text)) }
}
