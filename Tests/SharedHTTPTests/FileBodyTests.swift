import Foundation
import SharedHTTP
import SharedMessages
import StubHTTPServer
import Testing

@Suite("HTTP client: a range of a file as body", .timeLimit(.minutes(5)))
struct FileBodyTests {
    @Test("exactly the range is sent, with its length", arguments: [0, 1, 70_000, 3_000_000])
    func range(_ length: Int) async throws {
        try await withFolder { folder in
            let text = (0..<400_000).map { "line \($0)\n" }.joined()
            let path = folder.appending(path: "file").path
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            try await StubHTTPServer.run({ _, _ in .reply() }) { url, stub in
                let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
                let file = HTTPFileBody(path: path, offset: 17, length: UInt64(length))
                let reply = try await client.send(
                    HTTPCall(.put, "/a/../b", file: file, timeLimit: .total(.seconds(30)))
                )
                #expect(reply.status == 200)
                let request = try #require(stub.requests.first)
                #expect(request.method == "PUT" && request.path == "/a/../b")
                #expect(request.headers["content-length"] == "\(length)")
                #expect(request.headers["transfer-encoding"] == nil)
                #expect(request.body == text.dropFirst(17).prefix(length))
            }
        }
    }

    @Test("a file that is missing or too short fails the call")
    func missing() async throws {
        try await withFolder { folder in
            let path = folder.appending(path: "file").path
            try await StubHTTPServer.run({ _, _ in .reply() }) { url, _ in
                let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
                let call = HTTPCall(.put, "/", file: HTTPFileBody(path: path, offset: 0, length: 9))
                #expect(await code { try await client.send(call) } == .httpClientConnectionFailed)
                try "short".write(toFile: path, atomically: false, encoding: .utf8)
                #expect(await code { try await client.send(call) } == .httpClientConnectionFailed)
            }
        }
    }

    @Test("a body is sent again from its beginning when a kept connection turns out to be closed")
    func again() async throws {
        try await withFolder { folder in
            let path = folder.appending(path: "file").path
            try String(repeating: "x", count: 200_000)
                .write(toFile: path, atomically: false, encoding: .utf8)
            try await StubHTTPServer.run({ _, number in
                number == 1 ? .hangUp : .reply()
            }) { url, stub in
                let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
                _ = try await client.send(HTTPCall(.get, "/"))
                let file = HTTPFileBody(path: path, offset: 0, length: 200_000)
                let reply = try await client.send(HTTPCall(.put, "/", file: file))
                #expect(reply.status == 200)
                #expect(stub.requests.last?.body.utf8.count == 200_000)
            }
        }
    }
}
