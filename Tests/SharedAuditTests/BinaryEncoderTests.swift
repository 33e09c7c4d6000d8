import NIOCore
import Testing

@testable import SharedAudit

@Suite struct BinaryEncoderTests {
    @Test(
        "decoding and encoding again gives the sample's header and inflated bytes",
        arguments: Sample.written
    )
    func innerBytes(name: String) throws {
        let sample = try Sample.bytes(name + ".bin")
        let deflater = try deflater()
        var encoder = BinaryEncoder()
        var file = ByteBuffer()
        for message in messages(decode(sample)) {
            encoder.append(message)
            file.writeImmutableBuffer(encoder.flush(using: deflater))
        }
        file.writeImmutableBuffer(encoder.finish(using: deflater))
        #expect(file.getBytes(at: 0, length: 50) == sample.getBytes(at: 0, length: 50))
        // Invalid UTF-8 in a text is repaired when it is read; the samples have it in data only.
        #expect(try inflated(file) == inflated(sample))
        #expect(Array(file.readableBytesView.suffix(10)) == BinaryFormat.flushMark * 2)
    }

    @Test("each flush makes all messages so far readable")
    func flushes() throws {
        let deflater = try deflater()
        var encoder = BinaryEncoder()
        var file = ByteBuffer()
        for count in 1...40 {
            encoder.append(message(.exec(requestID: UInt64(count), program: "p\(count)")))
            file.writeImmutableBuffer(encoder.flush(using: deflater))
            #expect(messages(decode(file)).count == count)
        }
        #expect(encoder.flush(using: deflater).readableBytes == 0)
    }

    @Test("data of every kind and size comes back, through one compressor for many recordings")
    func roundTrip() throws {
        var generator = SeededGenerator(state: 42)
        let deflater = try deflater()
        var encoders = [BinaryEncoder](repeating: BinaryEncoder(), count: 3)
        var files = [ByteBuffer](repeating: ByteBuffer(), count: 3)
        var sent = [[AuditMessage]](repeating: [], count: 3)
        for _ in 0..<200 {
            let index = Int.random(in: 0..<3, using: &generator)
            let size = [0, 1, 30, 4000, 70000, 300_000].randomElement(using: &generator) ?? 0
            let isRandom = Bool.random(using: &generator)
            let data = ByteBuffer(
                bytes: (0..<size).map { _ in
                    isRandom ? UInt8.random(in: 0...255, using: &generator) : 65
                }
            )
            let entry = message(.io(.stdout, data), channel: 3)
            sent[index].append(entry)
            encoders[index].append(entry)
            if Bool.random(using: &generator) {
                files[index].writeImmutableBuffer(encoders[index].flush(using: deflater))
            }
        }
        for index in 0..<3 {
            files[index].writeImmutableBuffer(encoders[index].finish(using: deflater))
            #expect(decode(files[index]) == sent[index].map(RecordingDecoder.Item.message))
        }
    }

    @Test("small entries of a session shrink although nothing of the compressor is kept")
    func smallEntries() throws {
        let deflater = try deflater()
        var encoder = BinaryEncoder()
        var size = 0
        for index in 0..<100 {
            encoder.append(message(.io(.stdin, ByteBuffer(string: "k\(index)")), channel: 0))
            size += encoder.flush(using: deflater).readableBytes
        }
        #expect(size < 100 * 60)
    }

    @Test("data that cannot be compressed grows by less than one per cent")
    func incompressible() throws {
        var generator = SeededGenerator(state: 1)
        let deflater = try deflater()
        var encoder = BinaryEncoder()
        let data = ByteBuffer(
            bytes: (0..<(64 << 10)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        )
        var size = 0
        for _ in 0..<32 {
            encoder.append(message(.io(.stdout, data)))
            size += encoder.flush(using: deflater).readableBytes
        }
        #expect(size < 32 * data.readableBytes / 100 * 101)
    }

    @Test("the container's name is what readers of the original take for an unknown request")
    func container() throws {
        var encoder = BinaryEncoder()
        encoder.append(message(.container(name: "berth-7")))
        let items = decode(encoder.finish(using: try deflater()))
        #expect(messages(items).map(\.event) == [.container(name: "berth-7")])
        let line = try #require(items.first?.jsonLine)
        #expect(
            line.contains(#""payload":{"requestType":"container@berth","container":"berth-7"}"#)
        )
    }

    @Test("so is a login by Kerberos, and a client that uses our names is not taken for us")
    func kerberos() throws {
        var encoder = BinaryEncoder()
        let login = AuditEvent.kerberos(username: "dev", .unavailable, reason: "away")
        let forged = ["gssapi@berth", "container@berth", "recording-gap@berth"].map {
            AuditEvent.unknownGlobalRequest(type: $0)
        }
        for event in [login] + forged { encoder.append(message(event)) }
        let items = decode(encoder.finish(using: try deflater()))
        #expect(messages(items).map(\.event) == [login] + forged)
        let payload = """
            "payload":{"requestType":"gssapi@berth","username":"dev",\
            "outcome":"unavailable","reason":"away"}
            """
        #expect(try #require(items.first?.jsonLine).contains(payload))
    }

    @Test("a gap is what readers of the original take for an unknown global request")
    func gap() throws {
        var encoder = BinaryEncoder()
        encoder.append(message(.gap(lostMessages: 3, lostBytes: 4096)))
        let items = decode(encoder.finish(using: try deflater()))
        #expect(messages(items).map(\.event) == [.gap(lostMessages: 3, lostBytes: 4096)])
        #expect(
            jsonLines(items).contains(
                """
                "type":200,"typeId":"global_request_unknown",\
                "typeName":"Unknown global request",\
                "payload":{"requestType":"recording-gap@berth","lostMessages":3,"lostBytes":4096}
                """
            )
        )
    }

    @Test("a recording of nothing is still a recording")
    func nothing() throws {
        var encoder = BinaryEncoder()
        #expect(decode(encoder.finish(using: try deflater())).isEmpty)
    }

    private func message(_ event: AuditEvent, channel: UInt64? = nil) -> AuditMessage {
        AuditMessage(
            connectionID: "0123456789abcdef0123456789abcdef",
            timestamp: 1_700_000_000_000_000_000,
            channelID: channel,
            event: event
        )
    }
}

private func * (bytes: [UInt8], count: Int) -> [UInt8] {
    Array([[UInt8]](repeating: bytes, count: count).joined())
}
