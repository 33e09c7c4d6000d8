import NIOCore
import Testing

@testable import SharedSSH

@Suite("The types of RFC 4251 §5")
struct WireTests {
    /// The examples of RFC 4251 §5: a magnitude and its encoding.
    static let numbers: [(magnitude: [UInt8], encoded: [UInt8])] = [
        ([], [0, 0, 0, 0]),
        (
            [0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
            [0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7]
        ),
        ([0x80], [0, 0, 0, 2, 0, 0x80]),
    ]

    @Test("numbers are written and read as in the RFC's examples", arguments: numbers)
    func mpint(_ magnitude: [UInt8], _ encoded: [UInt8]) throws {
        var buffer = ByteBuffer()
        buffer.writeSSHMPInt([0, 0] + magnitude)
        #expect(Array(buffer.readableBytesView) == encoded)
        #expect(try buffer.readSSHMPInt() == magnitude)
        #expect(buffer.readableBytes == 0)
    }

    @Test("a negative number is refused")
    func negative() {
        var buffer = ByteBuffer(bytes: [0, 0, 0, 2, 0xed, 0xcc])
        #expect(throws: WireError.negativeNumber) { try buffer.readSSHMPInt() }
        #expect(buffer.readableBytes == 6)
    }

    @Test(
        "name-lists are written and read as in the RFC's examples",
        arguments: [
            ([], [0, 0, 0, 0]),
            (["zlib"], [0, 0, 0, 4, 0x7a, 0x6c, 0x69, 0x62]),
            (["zlib", "none"], [0, 0, 0, 9] + Array("zlib,none".utf8)),
        ] as [([String], [UInt8])]
    )
    func nameList(_ names: [String], _ encoded: [UInt8]) throws {
        var buffer = ByteBuffer()
        buffer.writeSSHNameList(names)
        #expect(Array(buffer.readableBytesView) == encoded)
        #expect(try buffer.readSSHNameList() == names)
    }

    @Test(
        "empty names are passed over, as libssh sends them",
        arguments: [(",", []), ("a,", ["a"]), (",a", ["a"]), ("a,,b", ["a", "b"])]
    )
    func emptyNames(_ text: String, _ names: [String]) throws {
        var buffer = ByteBuffer()
        buffer.writeSSHString(text)
        #expect(try buffer.readSSHNameList() == names)
    }

    @Test(
        "a name-list with an odd name is refused",
        arguments: ["ä", "a b", "a\u{0}"]
    )
    func badNameList(_ text: String) {
        var buffer = ByteBuffer()
        buffer.writeSSHString(text)
        #expect(throws: WireError.badNameList) { try buffer.readSSHNameList() }
    }

    @Test("a name-list of 512 names is read, of 513 refused")
    func longNameList() throws {
        var buffer = ByteBuffer()
        let names = (0..<512).map { "n\($0)" }
        buffer.writeSSHNameList(names)
        #expect(try buffer.readSSHNameList() == names)
        buffer.writeSSHNameList(names + ["one-more"])
        #expect(throws: WireError.badNameList) { try buffer.readSSHNameList() }
    }

    @Test("any byte but 0 is true")
    func booleans() throws {
        var buffer = ByteBuffer(bytes: [0, 1, 255])
        #expect(try buffer.readSSHBoolean() == false)
        #expect(try buffer.readSSHBoolean() == true)
        #expect(try buffer.readSSHBoolean() == true)
    }

    @Test("integers are big endian")
    func integers() throws {
        var buffer = ByteBuffer(bytes: [0x29, 0xb7, 0xf4, 0xaa, 0, 0, 0, 0, 0, 0, 1, 0])
        #expect(try buffer.readSSHUInt32() == 699_921_578)
        #expect(try buffer.readSSHUInt64() == 256)
        #expect(throws: WireError.truncated) { try buffer.readSSHByte() }
    }

    @Test("a string that claims more than is there, or than is allowed, is refused unread")
    func hostileLengths() {
        for claimed in [5, 0x7fff_ffff, 0xffff_ffff] as [UInt32] {
            var buffer = ByteBuffer()
            buffer.writeInteger(claimed)
            buffer.writeString("four")
            #expect(throws: WireError.truncated) { try buffer.readSSHString() }
            #expect(throws: WireError.tooLong) { try buffer.readSSHString(limit: 4) }
            #expect(buffer.readableBytes == 8)
        }
    }

    @Test("text that is not UTF-8 is refused as text and mended for people")
    func text() throws {
        var buffer = ByteBuffer()
        buffer.writeSSHString([0x61, 0xff])
        #expect(throws: WireError.notUTF8) { try buffer.readSSHText() }
        #expect(try buffer.readSSHLossyText() == "a\u{fffd}")
    }

    @Test("DISCONNECT is read back, also without its language or its text")
    func disconnect() throws {
        var buffer = ByteBuffer()
        DisconnectMessage(reason: .macError, text: "bye").write(into: &buffer)
        #expect(try buffer.readSSHByte() == 1)
        var whole = buffer
        let read = try DisconnectMessage(reading: &whole)
        #expect(read == DisconnectMessage(reason: .macError, text: "bye"))
        var bare = ByteBuffer(bytes: [0, 0, 0, 11])
        #expect(try DisconnectMessage(reading: &bare).text.isEmpty)
        var without = try #require(buffer.getSlice(at: buffer.readerIndex, length: 11))
        #expect(try DisconnectMessage(reading: &without).text == "bye")
    }

    @Test("EXT_INFO cut short anywhere, or of too many entries, is refused")
    func extensionInfo() throws {
        let info = ExtensionInfo(entries: [
            .init(name: "a", value: [1]), .init(name: "b", value: []),
        ])
        var buffer = ByteBuffer()
        info.write(into: &buffer)
        #expect(try buffer.readSSHByte() == 7)
        for length in 0..<buffer.readableBytes {
            var cut = try #require(buffer.getSlice(at: buffer.readerIndex, length: length))
            #expect(throws: WireError.truncated) { try ExtensionInfo(reading: &cut) }
        }
        #expect(try ExtensionInfo(reading: &buffer) == info)
        var many = ByteBuffer(integer: UInt32.max)
        #expect(throws: WireError.tooLong) { try ExtensionInfo(reading: &many) }
    }
}
