import NIOCore
import SharedHTTP
import StubHTTPServer
import Testing

@Suite("HTTP client: several buffers as body", .timeLimit(.minutes(5)))
struct PieceBodyTests {
    @Test(
        "the buffers are sent one behind the other, with their length",
        arguments: [[5], [0, 3, 0], [70_000, 1, 200_000], [600_000, 600_000]]
    )
    func order(_ lengths: [Int]) async throws {
        let pieces = pieces(lengths)
        try await StubHTTPServer.run({ _, _ in .reply() }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let call = HTTPCall(.post, "/", pieces: pieces, timeLimit: .total(.seconds(60)))
            #expect(try await client.send(call).status == 200)
            let request = try #require(stub.requests.first)
            #expect(request.headers["content-length"] == "\(lengths.reduce(0, +))")
            #expect(request.headers["transfer-encoding"] == nil)
            #expect(request.body == pieces.map(String.init(buffer:)).joined())
        }
    }

    @Test("they are sent again from the first one when a kept connection turns out to be closed")
    func again() async throws {
        let pieces = pieces([100_000, 150_000])
        try await StubHTTPServer.run({ _, number in
            number == 1 ? .hangUp : .reply()
        }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            _ = try await client.send(HTTPCall(.get, "/"))
            let reply = try await client.send(HTTPCall(.put, "/", pieces: pieces))
            #expect(reply.status == 200)
            #expect(stub.requests.last?.body == pieces.map(String.init(buffer:)).joined())
        }
    }

    private func pieces(_ lengths: [Int]) -> [ByteBuffer] {
        lengths.enumerated().map { number, length in
            ByteBuffer(bytes: (0..<length).map { UInt8(ascii: "a") + UInt8(($0 + number) % 23) })
        }
    }
}
