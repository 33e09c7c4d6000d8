import Foundation
import NIOCore
import NIOPosix
import SharedDocker
import Synchronization

/// The engine of this machine behind a Unix socket at which calls can be made to fail.
///
/// Each connection carries one call: whoever comes has to connect again for the next.
final class EngineProxy: Sendable {
    /// What a call that a rule names gets instead of the engine's answer.
    struct Rule: Sendable {
        var method: String
        /// A part of the path.
        var path: String
        var status: Int
        var body: String
    }

    /// What happens before a call is handed on.
    struct Interruption: Sendable {
        var method: String
        var path: String
        var action: @Sendable () async -> Void
    }

    let socket: String
    private let state = Mutex(State())
    private let folder: URL

    private struct State {
        var rules: [Rule] = []
        var interruptions: [Interruption] = []
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    private init() {
        folder = FileManager.default.temporaryDirectory
            .appending(path: "ep-\(UUID().uuidString.prefix(8))")
        socket = folder.appending(path: "s").path
    }

    /// Runs `body` with a proxy of its own.
    static func run<Value>(_ body: (EngineProxy) async throws -> Value) async throws -> Value {
        let proxy = EngineProxy()
        try FileManager.default.createDirectory(
            at: proxy.folder,
            withIntermediateDirectories: true
        )
        try await proxy.listen()
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(proxy))
        } catch {
            result = .failure(error)
        }
        await proxy.close()
        return try result.get()
    }

    /// From now on calls of this kind fail.
    func refuse(
        _ method: String,
        _ path: String,
        status: Int = 400,
        body: String = #"{"message":"the test says no"}"#
    ) {
        state.withLock {
            $0.rules.append(Rule(method: method, path: path, status: status, body: body))
        }
    }

    /// Does something once, before the next call of this kind is handed on.
    func before(
        _ method: String,
        _ path: String,
        _ action: @escaping @Sendable () async -> Void
    ) {
        let interruption = Interruption(method: method, path: path, action: action)
        state.withLock { $0.interruptions.append(interruption) }
    }

    fileprivate func interruption(of head: String) -> Interruption? {
        let words = head.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count == 3 else { return nil }
        return state.withLock { state in
            state.interruptions.firstIndex { $0.method == words[0] && words[1].contains($0.path) }
                .map { state.interruptions.remove(at: $0) }
        }
    }

    func permitAll() { state.withLock { $0.rules = [] } }

    /// Drops every connection there is, as an engine does that dies.
    func cut() async {
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { try? await connection.close().get() }  // Closed: as wanted.
    }

    private func listen() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    self.keep(channel)
                    try channel.pipeline.syncOperations.addHandler(ProxyCall(self))
                }
            }
            .bind(unixDomainSocketPath: socket).get()
        state.withLock { $0.listener = listener }
    }

    func keep(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.connections[id] = channel }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.connections[id] = nil }
        }
    }

    private func close() async {
        let listener = state.withLock { $0.listener.take() }
        try? await listener?.close().get()  // Closed: as wanted.
        await cut()
        try? FileManager.default.removeItem(at: folder)  // Nothing in it is of use to anybody.
    }

    func answer(to head: String) -> String? {
        let words = head.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count == 3 else { return nil }
        let rule = state.withLock { state in
            state.rules.first { $0.method == words[0] && words[1].contains($0.path) }
        }
        guard let rule else { return nil }
        return """
            HTTP/1.1 \(rule.status) Test\r
            Content-Type: application/json\r
            Connection: close\r
            Content-Length: \(rule.body.utf8.count)\r
            \r
            \(rule.body)
            """
    }
}

/// One call: reads its head, then answers or hands everything on.
private final class ProxyCall: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let proxy: EngineProxy
    private var head = ByteBuffer()
    /// What came before the engine was reached.
    private var early: [ByteBuffer] = []
    private var engine: (any Channel)?
    private var isDecided = false
    private var isEnded = false

    init(_ proxy: EngineProxy) { self.proxy = proxy }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if let engine { return engine.writeAndFlush(bytes, promise: nil) }
        guard !isDecided else { return early.append(bytes) }
        head.writeBuffer(&bytes)
        let text = String(buffer: head)
        guard let end = text.range(of: "\r\n\r\n") else { return }
        isDecided = true
        if let answer = proxy.answer(to: text) {
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)))
                .whenComplete { _ in channel.close(promise: nil) }
            return
        }
        let length = text[..<end.upperBound].utf8.count
        let body = head.getSlice(
            at: head.readerIndex + length,
            length: head.readableBytes - length
        )
        var first = ByteBuffer(string: Self.closing(String(text[..<end.lowerBound])))
        if let body { first.writeImmutableBuffer(body) }
        guard let interruption = proxy.interruption(of: text) else {
            return connect(context, first)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task { [first] in
            await interruption.action()
            loop.execute {
                let (call, context) = bound.value
                call.connect(context, first)
            }
        }
    }

    /// An answer ends with its connection, unless the call is for a stream.
    private static func closing(_ head: String) -> String {
        let lines = head.components(separatedBy: "\r\n")
        guard !lines.contains(where: { $0.lowercased().hasPrefix("upgrade:") }) else {
            return head + "\r\n\r\n"
        }
        let others = lines.filter { !$0.lowercased().hasPrefix("connection:") }
        return (others + ["Connection: close"]).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func connect(_ context: ChannelHandlerContext, _ first: ByteBuffer) {
        let client = context.channel
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { [proxy] channel in
                channel.eventLoop.makeCompletedFuture {
                    proxy.keep(channel)
                    try channel.pipeline.syncOperations.addHandler(ProxyAnswer(client))
                }
            }
            .connect(unixDomainSocketPath: Engine.socket)
            .whenComplete { result in
                let (call, _) = bound.value
                switch result {
                case .failure: client.close(promise: nil)
                case .success(let engine):
                    engine.writeAndFlush(first, promise: nil)
                    for bytes in call.early { engine.writeAndFlush(bytes, promise: nil) }
                    call.early = []
                    call.engine = engine
                    if call.isEnded { engine.close(mode: .output, promise: nil) }
                }
            }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return }
        isEnded = true
        engine?.close(mode: .output, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { engine?.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// What the engine says goes to the client.
private final class ProxyAnswer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: any Channel

    init(_ client: any Channel) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        client.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return }
        client.close(mode: .output, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
