import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on a real socket that answers from a script, also with nonsense.
package final class StubHTTPServer: Sendable {
    /// Answers the n-th request, counted from 0.
    package typealias Script = @Sendable (StubRequest, Int) -> StubAnswer

    private struct State {
        var requests: [StubRequest] = []
        var connections = 0
        var sentChunks = 0
    }

    private let state = Mutex(State())
    private let script: Script
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ script: @escaping Script) { self.script = script }

    /// Runs `body` with the stub's URL and the stub.
    ///
    /// Listens on the Unix socket `socketPath`, else on a free port of 127.0.0.1.
    package static func run<Result>(
        socketPath: String? = nil,
        _ script: @escaping Script,
        _ body: (String, StubHTTPServer) async throws -> Result
    ) async throws -> Result {
        let stub = StubHTTPServer(script)
        let url = try await stub.open(socketPath)
        do {
            let result = try await body(url, stub)
            try await stub.close()
            return result
        } catch {
            try await stub.close()
            throw error
        }
    }

    /// Every request so far.
    package var requests: [StubRequest] { state.withLock { $0.requests } }
    package var connections: Int { state.withLock { $0.connections } }
    /// Chunks of a `flood` that the peer's socket has taken.
    package var sentChunks: Int { state.withLock { $0.sentChunks } }

    private func open(_ socketPath: String?) async throws -> String {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = self.state.withLock { state in
                        state.connections += 1
                        return state.connections
                    }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try pipeline.addHandler(StubHandler(self, connection: number))
                }
            }
        let opened =
            if let socketPath {
                try await bootstrap.bind(unixDomainSocketPath: socketPath).get()
            } else {
                try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            }
        channel.withLock { $0 = opened }
        if let socketPath { return "unix://" + socketPath }
        return "http://127.0.0.1:\(opened.localAddress?.port ?? 0)"
    }

    private func close() async throws {
        try await channel.withLock { $0 }?.close()
    }

    func answer(_ request: StubRequest) -> StubAnswer {
        let index = state.withLock { state in
            state.requests.append(request)
            return state.requests.count - 1
        }
        return script(request, index)
    }

    func sentChunk() { state.withLock { $0.sentChunks += 1 } }
}
