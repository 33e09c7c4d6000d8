import NIOCore
import Testing

@testable import SharedDocker

@Suite("The engine's frames")
struct FrameDecoderTests {
    private static func frame(_ stream: UInt8, _ text: String, length: UInt32? = nil) -> ByteBuffer
    {
        var buffer = ByteBuffer(bytes: [stream, 0, 0, 0])
        buffer.writeInteger(length ?? UInt32(text.utf8.count))
        buffer.writeString(text)
        return buffer
    }

    private static func joined(_ frames: [ByteBuffer]) -> ByteBuffer {
        var all = ByteBuffer()
        for frame in frames { all.writeImmutableBuffer(frame) }
        return all
    }

    @Test("streams are told apart wherever the bytes are cut", arguments: 1...33)
    func everyCut(_ size: Int) throws {
        var bytes = Self.joined([
            Self.frame(1, "one"), Self.frame(2, "two"), Self.frame(1, ""), Self.frame(0, "three"),
        ])
        var decoder = FrameDecoder()
        var output = ""
        var errors = ""
        while bytes.readableBytes > 0 {
            let part = bytes.readSlice(length: min(size, bytes.readableBytes)) ?? ByteBuffer()
            for piece in try decoder.decode(part) {
                switch piece.output {
                case .stdout: output += String(buffer: piece.bytes)
                case .stderr: errors += String(buffer: piece.bytes)
                }
            }
        }
        #expect(output == "onethree")
        #expect(errors == "two")
        #expect(decoder.isAtBoundary)
    }

    @Test("a length of four gigabytes hands on what has come and reserves nothing")
    func hostileLength() throws {
        var decoder = FrameDecoder()
        let pieces = try decoder.decode(Self.frame(1, "ab", length: .max))
        #expect(pieces.map { String(buffer: $0.bytes) } == ["ab"])
        #expect(!decoder.isAtBoundary)
    }

    @Test("an unknown stream number is refused", arguments: 4...255)
    func unknownStream(_ number: Int) {
        var decoder = FrameDecoder()
        #expect(throws: FrameError.unknownStream(UInt8(number))) {
            try decoder.decode(Self.frame(UInt8(number), "x"))
        }
    }

    @Test("padding that is not zero is refused")
    func padding() {
        var decoder = FrameDecoder()
        #expect(throws: FrameError.paddingNotZero) {
            try decoder.decode(ByteBuffer(bytes: [1, 0, 1, 0, 0, 0, 0, 0]))
        }
    }

    @Test("an error that the engine reports on its stream ends it with the engine's words")
    func reported() {
        var decoder = FrameDecoder()
        #expect(throws: FrameError.reported("no space left")) {
            try decoder.decode(Self.frame(3, "no space left"))
        }
    }

    @Test("an endless error report is cut")
    func endlessReport() throws {
        var decoder = FrameDecoder()
        #expect(throws: FrameError.reported(String(repeating: "x", count: 1024))) {
            var bytes = Self.frame(3, "", length: .max)
            for _ in 0..<100 {
                bytes.writeRepeatingByte(0x78, count: 100)
                _ = try decoder.decode(bytes)
                bytes = ByteBuffer()
            }
        }
    }

    @Test("no bytes at all trap the decoder")
    func randomBytes() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var decoder = FrameDecoder()
            for _ in 0..<8 {
                let bytes = (0..<Int.random(in: 0...40)).map { _ in
                    UInt8.random(in: 0...3, using: &random)
                }
                guard (try? decoder.decode(ByteBuffer(bytes: bytes))) != nil else { break }
            }
        }
    }
}
