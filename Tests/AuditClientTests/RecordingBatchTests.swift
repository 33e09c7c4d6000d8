import NIOCore
import Testing

@testable import AuditClient

@Suite struct RecordingBatchTests {
    private let batch = RecordingBatch(
        gateway: "gateway-1",
        frames: [
            .init(RecordingID(high: 1, low: 2), .open(ByteBuffer(string: "{}"))),
            .init(
                RecordingID(high: 1, low: 2),
                .append(offset: 0, ByteBuffer(bytes: [0, 255, 7]))
            ),
            .init(RecordingID(high: .max, low: .max), .append(offset: .max, ByteBuffer())),
            .init(RecordingID(high: 1, low: 2), .finish(length: 3)),
            .init(RecordingID(high: 1, low: 2).part(3, from: 77), .open(ByteBuffer(string: "{}"))),
            .init(RecordingID(high: 1, low: 2).part(.max, from: .max), .finish(length: .max)),
        ]
    )

    @Test("a batch comes back from its bytes")
    func roundTrip() throws {
        #expect(try RecordingBatch(decoding: batch.encoded()) == batch)
        let empty = RecordingBatch(gateway: "g")
        #expect(try RecordingBatch(decoding: empty.encoded()) == empty)
    }

    @Test("long data is a piece of its own, and the pieces are the batch")
    func pieces() throws {
        let id = RecordingID(high: 1, low: 2)
        let long = ByteBuffer(repeating: 7, count: 100_000)
        let batch = RecordingBatch(
            gateway: "g",
            frames: [
                .init(id, .append(offset: 0, long)),
                .init(id, .append(offset: 100_000, ByteBuffer(string: "short"))),
                .init(id, .append(offset: 100_005, long)),
            ]
        )
        let pieces = batch.encodedPieces()
        #expect(pieces.filter { $0 == long }.count == 2)
        let joined = pieces.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        #expect(joined == batch.encoded())
        #expect(try RecordingBatch(decoding: joined) == batch)
    }

    @Test("the bytes are those of the documentation")
    func bytes() {
        let batch = RecordingBatch(
            gateway: "g",
            frames: [
                .init(RecordingID(high: 1, low: 2), .append(offset: 3, ByteBuffer(string: "hi")))
            ]
        )
        let expected: [UInt8] =
            [0x42, 0x52, 0x42, 0x01, 1, 0x67, 2] + [0, 0, 0, 0, 0, 0, 0, 1] + [
                0, 0, 0, 0, 0, 0, 0, 2,
            ]
            + [0, 0, 0, 0, 0, 0, 0, 3] + [0, 0, 0, 2, 0x68, 0x69]
        #expect(Array(batch.encoded().readableBytesView) == expected)
    }

    @Test("a part's frame names the part behind the recording")
    func partBytes() {
        let part = RecordingID(high: 1, low: 2).part(3, from: 4)
        let batch = RecordingBatch(gateway: "g", frames: [.init(part, .finish(length: 5))])
        let zeros = [UInt8](repeating: 0, count: 7)
        let expected: [UInt8] =
            [0x42, 0x52, 0x42, 0x01, 1, 0x67, 0x13] + zeros + [1] + zeros + [2]
            + [0, 0, 0, 3] + zeros + [4] + zeros + [5] + [0, 0, 0, 0]
        #expect(Array(batch.encoded().readableBytesView) == expected)
    }

    @Test("a batch cut anywhere is refused or is a shorter one, and never traps")
    func truncation() throws {
        let bytes = batch.encoded()
        for length in 0..<bytes.readableBytes {
            let cut = try #require(bytes.getSlice(at: 0, length: length))
            guard let decoded = try? RecordingBatch(decoding: cut) else { continue }
            #expect(decoded.frames == Array(batch.frames.prefix(decoded.frames.count)))
            #expect(decoded.frames.count < batch.frames.count)
        }
    }

    @Test("hostile lengths, unknown actions and too many frames are refused")
    func hostile() {
        var lengths = RecordingBatch(gateway: "g").encoded()
        lengths.writeBytes([2] + [UInt8](repeating: 0, count: 24) + [255, 255, 255, 255])
        #expect(throws: BatchError.truncated) { try RecordingBatch(decoding: lengths) }
        var action = RecordingBatch(gateway: "g").encoded()
        action.writeBytes([9] + [UInt8](repeating: 0, count: 28))
        #expect(throws: BatchError.unknownAction(9)) { try RecordingBatch(decoding: action) }
        var many = RecordingBatch(gateway: "g")
        many.frames = Array(
            repeating: .init(RecordingID(high: 0, low: 0), .finish(length: 0)),
            count: RecordingBatch.maximumFrames + 1
        )
        #expect(throws: BatchError.tooManyFrames) {
            try RecordingBatch(decoding: many.encoded())
        }
        #expect(throws: BatchError.notABatch) {
            try RecordingBatch(decoding: ByteBuffer(bytes: [0x42, 0x52, 0x42, 0x01, 0]))
        }
    }

    @Test(
        "only 32 lower-case hexadecimal digits name a recording",
        arguments: [
            "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
            "0123456789ABCDEF0123456789abcdef", "../456789abcdef0123456789abcdef",
            "+123456789abcdef0123456789abcdef",
        ]
    )
    func names(text: String) { #expect(RecordingID(text) == nil) }

    @Test("a name is printed as it was read")
    func namePrinted() {
        let text = "00023456789abcdef0000000000000ef"
        #expect(RecordingID(text)?.description == text)
    }
}
