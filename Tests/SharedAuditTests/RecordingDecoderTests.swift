import NIOCore
import Testing

@testable import SharedAudit

@Suite struct RecordingDecoderTests {
    @Test(
        "every sample decodes to the lines of the original's decoder",
        arguments: Sample.recordings
    )
    func samples(name: String) throws {
        let items = decode(try Sample.bytes(name + ".bin"))
        #expect(jsonLines(items) == (try Sample.text(name + ".jsonl")))
    }

    @Test("a sample fed byte by byte gives the same", arguments: Sample.recordings)
    func byteByByte(name: String) throws {
        let bytes = try Sample.bytes(name + ".bin")
        var decoder = RecordingDecoder()
        var items: [RecordingDecoder.Item] = []
        for byte in bytes.readableBytesView {
            items += decoder.feed(ByteBuffer(bytes: CollectionOfOne(byte)))
        }
        #expect(items + decoder.end() == decode(bytes))
    }

    @Test("a file cut anywhere gives a prefix of its messages and never a wrong one")
    func truncation() throws {
        for name in ["v2-all-types", "v1-minimal", "v2-minimal-terminated"] {
            let bytes = try Sample.bytes(name + ".bin")
            let whole = messages(decode(bytes))
            var longest = 0
            for length in 0..<bytes.readableBytes {
                let cut = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))
                let got = messages(decode(cut))
                #expect(got == Array(whole.prefix(got.count)))
                #expect(got.count >= longest)
                longest = max(longest, got.count)
            }
            #expect(longest == whole.count)
        }
    }

    @Test("a cut version 2 file is no error, a cut version 1 file is one after its prefix")
    func truncationErrors() throws {
        let second = try Sample.bytes("v2-minimal.bin")
        let cut = try #require(second.getSlice(at: 0, length: 228))
        #expect(decode(cut).count == 1)
        let first = try Sample.bytes("v1-minimal.bin")
        let cutFirst = try #require(first.getSlice(at: 0, length: 200))
        #expect(
            jsonLines(decode(cutFirst)).hasSuffix(
                "{\"error\":\"failed to decode messages (unexpected EOF)\"}\n"
            )
        )
        #expect(messages(decode(cutFirst)).count == 1)
    }

    @Test("a file of less than a header says what the original says")
    func shortHeader() throws {
        #expect(decode(ByteBuffer()) == [.failure("EOF")])
        #expect(decode(ByteBuffer(string: "ContainerSSH")) == [.failure("unexpected EOF")])
    }

    @Test("a version 1 array of definite length is read")
    func definiteArray() throws {
        let sample = try Sample.bytes("v1-minimal.bin")
        var inner = try inflated(sample)
        inner.setInteger(UInt8(0x82), at: 0)
        inner.moveWriterIndex(to: inner.writerIndex - 1)
        let items = decode(recording(of: inner, version: 1))
        #expect(items == decode(sample))
    }

    @Test("flipped bytes never trap, and what is decoded is bounded")
    func flippedBytes() throws {
        let sample = try Sample.bytes("v2-all-types.bin")
        var generator = SeededGenerator(state: 7)
        for _ in 0..<3000 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.readableBytes, using: &generator)
                bytes.setInteger(UInt8.random(in: 0...255, using: &generator), at: index)
            }
            #expect(decode(bytes).count <= 100)
        }
    }

    @Test(
        "hostile CBOR ends in an error or in waiting for more, at once",
        arguments: [
            [0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x7B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00],
            [0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00],
            [UInt8](repeating: 0x81, count: 100_000), [UInt8](repeating: 0x9F, count: 100_000),
            [UInt8](repeating: 0xD8, count: 100_000), [0x1C], [0xFF], [0xF8], [0xFC],
            [0x9F] + [UInt8](repeating: 0, count: 1 << 20), [0x5F, 0x61, 0x00],
            [0xFB, 0, 0, 0, 0, 0, 0, 0, 0], [0x00],
        ] as [[UInt8]]
    )
    func hostile(bytes: [UInt8]) {
        let items = decode(recording(of: ByteBuffer(bytes: bytes), version: 2))
        #expect(messages(items).isEmpty)
        #expect(items.count <= 2)
    }

    @Test("keys match whatever their case, missing ones are zero, unknown ones are ignored")
    func permissiveKeys() throws {
        var inner = ByteBuffer()
        inner.writeCBORHead(5, 4)
        inner.writeCBOR("TIMESTAMP")
        inner.writeCBORHead(0, 5)
        inner.writeCBOR("Type")
        inner.writeCBORHead(0, 202)
        inner.writeCBOR("unknown")
        inner.writeCBORHead(0, 9)
        inner.writeCBOR("payload")
        inner.writeCBORHead(5, 1)
        inner.writeCBOR("bindport")
        inner.writeCBORHead(0, (1 << 33) + 22)
        let items = decode(recording(of: inner, version: 2))
        let expected = AuditMessage(
            connectionID: "",
            timestamp: 5,
            event: .forwardTCP(bindHost: "", bindPort: 22)
        )
        #expect(items == [.message(expected)])
    }

    @Test("a password that is text, and a text that is bytes, stop the decoder")
    func wrongTypes() {
        for (key, value) in [
            ("password", AuditField.text("x")), ("username", .bytes([1])),
        ] {
            var inner = ByteBuffer()
            inner.writeCBORHead(5, 2)
            inner.writeCBOR("type")
            inner.writeCBORHead(0, 100)
            inner.writeCBOR("payload")
            inner.writeCBOR([.init(key, value)])
            let items = decode(recording(of: inner, version: 2))
            #expect(messages(items).isEmpty && items.count == 1)
        }
    }
}

/// A recording around `inner`, in stored blocks and without end.
private func recording(of inner: ByteBuffer, version: UInt64) -> ByteBuffer {
    var file = ByteBuffer(bytes: BinaryFormat.magic)
    file.writeInteger(version, endianness: .little)
    file.writeBytes(BinaryFormat.gzipHeader)
    var rest = inner
    while let block = rest.readSlice(length: min(0xFFFF, rest.readableBytes)),
        block.readableBytes > 0
    {
        file.writeInteger(UInt8(0))
        file.writeInteger(UInt16(block.readableBytes), endianness: .little)
        file.writeInteger(~UInt16(block.readableBytes), endianness: .little)
        file.writeImmutableBuffer(block)
    }
    return file
}
