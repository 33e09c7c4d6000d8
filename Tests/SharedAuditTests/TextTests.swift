import Testing

@testable import SharedAudit

@Suite struct TextTests {
    @Test("each byte outside a well-formed sequence becomes one replacement character")
    func repairing() {
        #expect(String(repairing: [0x61, 0xE2, 0x82, 0x62]) == "a\u{FFFD}\u{FFFD}b")
        #expect(String(repairing: [0xED, 0xA0, 0x80]) == "\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect(String(repairing: [0xC0, 0x80]) == "\u{FFFD}\u{FFFD}")
        #expect(String(repairing: [0xFF] + [UInt8]("é€😀".utf8)) == "\u{FFFD}é€😀")
    }

    @Test("only a beginning that can still become a character is incomplete")
    func incomplete() {
        let face = [UInt8]("😀".utf8)
        for count in 1...3 {
            #expect(UTF8Sequence.incompleteSuffix(of: [0x61] + face.prefix(count)) == count)
        }
        #expect(UTF8Sequence.incompleteSuffix(of: face) == 0)
        #expect(UTF8Sequence.incompleteSuffix(of: [0xFF]) == 0)
        #expect(UTF8Sequence.incompleteSuffix(of: [0xF0, 0x80]) == 0)
        #expect(UTF8Sequence.incompleteSuffix(of: []) == 0)
    }

    @Test("base64 is padded as RFC 4648 §10 shows")
    func base64() {
        let vectors = [
            "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==",
            "fooba": "Zm9vYmE=", "foobar": "Zm9vYmFy",
        ]
        for (plain, encoded) in vectors { #expect(Base64.encode(Array(plain.utf8)) == encoded) }
    }
}
