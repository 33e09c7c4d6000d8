import Logging
import NIOCore
import NIOPosix
import SharedMessages
import StubHTTPServer
import Testing

@testable import SharedDocker

@Suite("The engine's client against a scripted engine")
struct EngineClientTests {
    private static let ping = StubAnswer.reply(headers: ["Api-Version": "1.41"], body: "OK")

    private func withEngine(
        _ answer: @escaping @Sendable (StubRequest) -> StubAnswer,
        _ body: (EngineClient, StubHTTPServer) async throws -> Void
    ) async throws {
        try await StubHTTPServer.run({ request, _ in
            request.path == "/_ping" ? Self.ping : answer(request)
        }) { url, stub in
            let client = try EngineClient(
                address: EngineAddress(url, hasCertificate: false),
                timeout: .seconds(5),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            defer { client.shutdown() }
            try await body(client, stub)
        }
    }

    @Test("the version is agreed on once and leads every path")
    func version() async throws {
        try await withEngine({ _ in .json(#"{"Running":false,"ExitCode":3}"#) }) { client, stub in
            for _ in 0..<3 {
                let state = try await client.inspectExec("e")
                #expect(state.exitCode == 3)
            }
            #expect(stub.requests.map(\.path).filter { $0 == "/_ping" }.count == 1)
            #expect(stub.requests.last?.path == "/v1.41/exec/e/json")
        }
    }

    @Test("a refusal keeps its status, its words and whether it may pass")
    func refusal() async throws {
        try await withEngine({ _ in .json(#"{"message":"no such image"}"#, status: 404) }) {
            client,
            _ in
            let error = await #expect(throws: CodedError.self) {
                try await client.createContainer(name: "n", body: [])
            }
            #expect(error?.code == .dockerContainerCreateFailed)
            #expect(error?.engineStatus == 404)
            #expect(error?.detail == "status 404: no such image")
            #expect(error?.isRetryable == false)
        }
    }

    @Test("an answer that is no JSON is an error of the step")
    func nonsense() async throws {
        try await withEngine({ _ in .reply(body: "<html>") }) { client, _ in
            let error = await #expect(throws: CodedError.self) {
                try await client.containers(labels: ["a"])
            }
            #expect(error?.code == .dockerContainerRemoveFailed)
        }
    }

    @Test("a pull notices an error that comes with status 200, and sends the credentials")
    func pull() async throws {
        let body = #"{"status":"Pulling fs layer","id":"a"}"# + "\n" + #"{"error":"denied"}"# + "\n"
        try await withEngine({ _ in .reply(body: body) }) { client, stub in
            var seen: [String] = []
            let error = await #expect(throws: CodedError.self) {
                try await client.pullImage(
                    ImageReference("me/x:1"),
                    credentials: RegistryCredentials(username: "u"),
                    silence: .seconds(5)
                ) { seen.append($0.status ?? "") }
            }
            #expect(error?.code == .dockerImagePullFailed)
            #expect(error?.detail == "status 200: denied")
            let request = try #require(stub.requests.last)
            #expect(request.path == "/v1.41/images/create?fromImage=docker.io%2Fme%2Fx&tag=1")
            #expect(request.headers["x-registry-auth"] == "eyJ1c2VybmFtZSI6InUifQ==")
        }
    }

    @Test(
        "a stream that breaks its framing ends with an error",
        arguments: ["\u{7}\0\0\0\0\0\0\u{1}x", "\u{1}\0\0\0\0\0\0\u{9}x"]
    )
    func brokenStream(_ frames: String) async throws {
        let reply = "HTTP/1.1 101 UPGRADED\r\n\r\n" + frames
        try await withEngine({ _ in .raw(reply) }) { client, _ in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let stream = try await client.startExec("e", hasTerminal: false, on: loop)
            let error = await #expect(throws: CodedError.self) {
                while try await stream.next() != nil {}
            }
            #expect(error?.code == .dockerStreamOutputFailed)
            await stream.close()
        }
    }

    @Test("a stream of a terminal is taken as it is")
    func rawStream() async throws {
        try await withEngine({ _ in .raw("HTTP/1.1 101 UPGRADED\r\n\r\n\u{1}abc") }) { client, _ in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let stream = try await client.startExec("e", hasTerminal: true, on: loop)
            var all = ""
            while let piece = try await stream.next() { all += String(buffer: piece.bytes) }
            #expect(all == "\u{1}abc")
            await stream.close()
        }
    }

    @Test("waiting for a stream that never begins stops on cancellation")
    func cancelled() async throws {
        try await withEngine({ _ in .silence }) { client, _ in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let task = Task { try await client.attach("c", on: loop) }
            _ = try await client.version()
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
        }
    }
}
