import Foundation
import SharedHTTP
import SharedMessages
import StubHTTPServer
import Testing

@Suite("HTTP client", .timeLimit(.minutes(5)))
struct HTTPClientTests {
    @Test("sends method, path, headers and body as given, and returns what came back")
    func roundTrip() async throws {
        try await StubHTTPServer.run({ _, _ in
            .reply(status: 201, headers: ["X-Answer": "yes"], body: "made")
        }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let call = HTTPCall(
                .put,
                "/things?x=1",
                headers: ["X-Mine": "a b", "Content-Type": "text/plain"],
                body: Array("hello".utf8)
            )
            let reply = try await client.send(call)
            #expect(reply.status == 201)
            #expect(reply.headers["x-answer"] == "yes")
            #expect(reply.body == Array("made".utf8))
            let request = try #require(stub.requests.first)
            #expect(request.method == "PUT")
            #expect(request.path == "/things?x=1")
            #expect(request.headers["x-mine"] == "a b")
            #expect(request.headers["content-type"] == "text/plain")
            #expect(request.headers["expect"] == nil)
            #expect(request.body == "hello")
        }
    }

    @Test(
        "every method reaches the server under its name",
        arguments: [
            HTTPCall.Method.get, .head, .post, .put, .delete, .patch,
        ]
    )
    func methods(_ method: HTTPCall.Method) async throws {
        try await StubHTTPServer.run({ _, _ in .reply(body: "") }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            _ = try await client.send(HTTPCall(method, "/"))
            #expect(stub.requests.map(\.method) == [method.rawValue])
        }
    }

    @Test("the base URL and the path are joined as they are")
    func concatenation() async throws {
        try await StubHTTPServer.run({ _, _ in .reply() }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url + "/base/"), logger: quiet)
            _ = try await client.send(HTTPCall(.post, "/password"))
            #expect(stub.requests.map(\.path) == ["/base//password"])
        }
    }

    @Test("one connection serves calls that follow each other")
    func reuse() async throws {
        try await StubHTTPServer.run({ _, _ in .reply(body: "x") }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            for _ in 0..<20 { _ = try await client.send(HTTPCall(.post, "/", body: [1, 2])) }
            #expect(stub.requests.count == 20)
            #expect(stub.connections == 1)
        }
    }

    @Test("many calls at once are all answered, over no more connections than allowed")
    func concurrency() async throws {
        try await StubHTTPServer.run({ request, _ in .reply(body: request.path) }) { url, stub in
            let options = HTTPClientOptions(
                url: url,
                timeout: .seconds(20),
                maximumConnections: 4
            )
            let client = try HTTPClient(options, logger: quiet)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let reply = try await client.send(HTTPCall(.get, "/\(number)"))
                        return reply.body == Array("/\(number)".utf8)
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(stub.connections <= 4)
        }
    }

    @Test("a Unix socket is called with the path of the call")
    func unixSocket() async throws {
        try await withFolder { folder in
            let path = folder.appending(path: "s.sock").path
            try await StubHTTPServer.run(
                socketPath: path,
                { _, _ in .reply(body: "local") },
                { url, stub in
                    let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
                    let reply = try await client.send(HTTPCall(.get, "/info"))
                    #expect(reply.body == Array("local".utf8))
                    #expect(stub.requests.map(\.path) == ["/info"])
                }
            )
        }
    }

    @Test("a reply that does not come in time fails, within the limit of the call")
    func deadline() async throws {
        try await StubHTTPServer.run({ _, _ in .silence }) { url, _ in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let start = ContinuousClock.now
            let call = HTTPCall(.get, "/", timeLimit: .total(.milliseconds(150)))
            #expect(await code { try await client.send(call) } == .httpClientConnectionFailed)
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test("silence in the middle of a stream fails after the idle limit")
    func idle() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
        try await StubHTTPServer.run({ _, index in index == 0 ? .silence : .raw(head) }) { url, _ in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let call = HTTPCall(.get, "/", timeLimit: .idle(.seconds(1)))
            #expect(await code { try await client.send(call) } == .httpClientConnectionFailed)
        }
    }

    @Test("cancelling the task ends a call that nobody answers")
    func cancellation() async throws {
        try await StubHTTPServer.run({ _, _ in .silence }) { url, stub in
            let client = try HTTPClient(
                HTTPClientOptions(url: url, timeout: .seconds(60)),
                logger: quiet
            )
            let task = Task { try await client.send(HTTPCall(.get, "/")) }
            try await eventually { !stub.requests.isEmpty }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("shutting down fails calls under way and later ones")
    func shutdown() async throws {
        try await StubHTTPServer.run({ _, _ in .silence }) { url, stub in
            let client = try HTTPClient(
                HTTPClientOptions(url: url, timeout: .seconds(60)),
                logger: quiet
            )
            let task = Task { await code { try await client.send(HTTPCall(.get, "/")) } }
            try await eventually { !stub.requests.isEmpty }
            client.shutdown()
            #expect(await task.value == .httpClientConnectionFailed)
            let later = await code { try await client.send(HTTPCall(.get, "/")) }
            #expect(later == .httpClientConnectionFailed)
        }
    }

    @Test("one call more than allowed is refused at once")
    func tooManyCalls() async throws {
        try await StubHTTPServer.run({ _, _ in .silence }) { url, stub in
            let options = HTTPClientOptions(url: url, timeout: .seconds(60), maximumCalls: 1)
            let client = try HTTPClient(options, logger: quiet)
            let task = Task { try await client.send(HTTPCall(.get, "/")) }
            try await eventually { !stub.requests.isEmpty }
            let second = await code { try await client.send(HTTPCall(.get, "/")) }
            #expect(second == .httpClientConnectionFailed)
            task.cancel()
        }
    }

    @Test(
        "what is no HTTP, or ends early, is a failed connection that may be tried again",
        arguments: [
            StubAnswer.hangUp, .raw("SSH-2.0-OpenSSH_9.6\r\n"), .cut(announced: 100, body: "half"),
            .raw("HTTP/1.1 999999 \r\n\r\n"), .raw(""),
            .raw("HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 300_000) + "\r\n\r\n"),
        ]
    )
    func nonsense(_ answer: StubAnswer) async throws {
        try await StubHTTPServer.run({ _, _ in answer }) { url, _ in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let error = await #expect(throws: CodedError.self) {
                _ = try await client.send(HTTPCall(.get, "/"))
            }
            #expect(error?.code == .httpClientConnectionFailed)
            #expect(error?.isRetryable == true)
        }
    }

    @Test("nobody listening is a failed connection")
    func refused() async throws {
        let url = try await StubHTTPServer.run({ _, _ in .silence }) { url, _ in url }
        let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
        let found = await code { try await client.send(HTTPCall(.get, "/")) }
        #expect(found == .httpClientConnectionFailed)
    }

    @Test("a body above the limit is refused, one at the limit is not")
    func replyLimit() async throws {
        try await StubHTTPServer.run({ _, _ in .flood(count: 10, size: 100) }) { url, _ in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let tooSmall = HTTPCall(.get, "/", replyLimit: 999)
            #expect(await code { try await client.send(tooSmall) } == .httpClientReplyTooLarge)
            let enough = HTTPCall(.get, "/", replyLimit: 1000)
            #expect(try await client.send(enough).body.count == 1000)
        }
    }

    @Test("a slow reader slows the server down and loses nothing")
    func backPressure() async throws {
        let (count, size) = (2000, 16_384)
        try await StubHTTPServer.run({ request, _ in
            request.path == "/small" ? .reply() : .flood(count: count, size: size)
        }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let call = HTTPCall(.get, "/", timeLimit: .idle(.seconds(20)))
            let total = try await client.withReply(to: call) { _, body in
                var total = try await body.next()?.count ?? 0
                // Time in which a server that nobody slows down sends everything.
                let other = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
                for _ in 0..<300 { _ = try await other.send(HTTPCall(.get, "/small")) }
                #expect(stub.sentChunks < count)
                while let chunk = try await body.next() { total += chunk.count }
                return total
            }
            #expect(total == count * size)
        }
    }

    @Test("leaving a stream early ends the transfer")
    func leaveEarly() async throws {
        try await StubHTTPServer.run({ _, _ in .flood(count: 100_000, size: 16_384) }) { url, _ in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            let status = try await client.withReply(to: HTTPCall(.get, "/")) { head, _ in
                head.status
            }
            #expect(status == 200)
            _ = try await client.withReply(to: HTTPCall(.get, "/")) { head, _ in head.status }
        }
    }

    @Test(
        "an address that is no http, https or unix URL is refused",
        arguments: [
            "", "127.0.0.1:80", "ftp://host/", "file:///etc/passwd", "http://", "unix://relative",
        ]
    )
    func badURL(_ url: String) {
        #expect(throws: CodedError.self) {
            _ = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
        }
    }
}
