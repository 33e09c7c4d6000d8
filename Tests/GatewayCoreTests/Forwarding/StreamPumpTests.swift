import NIOCore
import Testing

@testable import GatewayCore

@Suite("What is carried between a channel and a stream")
struct StreamPumpTests {
    private let channel = FakeByteChannel()
    private let stream = FakeStream()

    @Test("bytes go both ways, and each end arrives for itself")
    func halfClose() async throws {
        let pump = StreamPump(channel: channel, stream: stream)
        async let run: Void = pump.run()
        try channel.fromClient.put(ByteBuffer(string: "question"))
        channel.fromClient.end()
        #expect(try await stream.sent.text() == "question")
        try stream.received.put(ByteBuffer(string: "the answer"))
        stream.received.end()
        #expect(try await channel.toClient.text() == "the answer")
        await run
        #expect(stream.timesClosed == 1 && channel.timesClosed == 1)
        let totals = await pump.totals
        #expect(totals.fromClient == 8 && totals.toClient == 10)
    }

    @Test("what the far side still says arrives although it reads no more")
    func deafTarget() async throws {
        stream.sent.breakDown()
        let pump = StreamPump(channel: channel, stream: stream)
        async let run: Void = pump.run()
        for _ in 0..<3 { try channel.fromClient.put(ByteBuffer(string: "into the void")) }
        try stream.received.put(ByteBuffer(string: "last words"))
        stream.received.end()
        #expect(try await channel.toClient.text() == "last words")
        channel.fromClient.end()
        await run
        #expect(await pump.totals.fromClient == 0)
    }

    @Test("a channel that is gone closes the stream")
    func lostChannel() async {
        let pump = StreamPump(channel: channel, stream: stream)
        async let run: Void = pump.run()
        channel.fromClient.breakDown()
        await run
        #expect(stream.timesClosed == 1)
    }

    @Test("a channel that is closed behind its last bytes ends the stream before it closes it")
    func closedBehindTheEnd() async throws {
        let pump = StreamPump(channel: channel, stream: stream)
        async let run: Void = pump.run()
        try channel.fromClient.put(ByteBuffer(string: "last bytes"))
        #expect(try await stream.sent.take() != nil)
        channel.fromClient.breakDown()
        await run
        #expect(stream.wasEnded && stream.timesClosed == 1)
    }

    @Test("a stream that breaks closes the channel")
    func lostStream() async {
        let pump = StreamPump(channel: channel, stream: stream)
        async let run: Void = pump.run()
        stream.received.breakDown()
        await run
        #expect(channel.timesClosed == 1)
    }

    @Test("a pump that is cancelled closes both sides")
    func cancelled() async {
        let pump = StreamPump(channel: channel, stream: stream)
        let run = Task { await pump.run() }
        run.cancel()
        await run.value
        #expect(stream.timesClosed == 1 && channel.timesClosed == 1)
    }
}
