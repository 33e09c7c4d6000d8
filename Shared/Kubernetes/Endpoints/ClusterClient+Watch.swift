package import NIOCore
import NIOHTTP1
import SharedWaiting

extension ClusterClient {
    /// The server ends a watch after this time; a new one takes over.
    private static var watchSeconds: Int { 290 }

    /// Watches one pod, from the state `version` on.
    package func watchPod(
        _ name: String,
        namespace: String,
        from version: String,
        on loop: any EventLoop
    ) async throws -> PodWatch {
        let path =
            Self.pods(namespace)
            + query([
                ("watch", "true"), ("fieldSelector", "metadata.name=\(name)"),
                ("resourceVersion", version), ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", "\(Self.watchSeconds)"),
            ])
        return try await authorized { identity in
            try await self.openWatch(path, identity, on: loop)
        }
    }

    private func openWatch(
        _ path: String,
        _ identity: CredentialSource.Identity,
        on loop: any EventLoop
    ) async throws -> PodWatch {
        let queue = PieceQueue<ByteBuffer>(on: loop) { $0.readableBytes }
        let opened = loop.makePromise(of: Void.self)
        var headers = HTTPHeaders([
            ("Host", options.address.hostField), ("User-Agent", "berth"),
            ("Accept", "application/json"),
        ])
        if let authorization = identity.authorization {
            headers.add(name: "Authorization", value: authorization)
        }
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: options.address.prefix + path,
            headers: headers
        )
        let channel: any Channel
        do {
            channel = try await dialer.connect(on: loop, certificate: identity.certificate) {
                try $0.pipeline.syncOperations.addHTTPClientHandlers()
                try $0.pipeline.syncOperations.addHandler(
                    WatchHandler(head: head, queue: queue, opened: opened)
                )
            }
        } catch {
            opened.fail(error)  // Harmless when the handler was quicker.
            throw error
        }
        do {
            try await withTaskCancellationHandler {
                try await opened.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            return PodWatch(channel: channel, queue: queue)
        } catch {
            channel.close(promise: nil)
            throw Task.isCancelled ? CancellationError() : error
        }
    }
}

/// The events of one pod as they happen, until the server ends the watch.
package final class PodWatch: Sendable {
    private let channel: any Channel
    private let queue: PieceQueue<ByteBuffer>
    /// Only its one reader looks at it.
    private let lines: LockedLines

    init(channel: any Channel, queue: PieceQueue<ByteBuffer>) {
        self.channel = channel
        self.queue = queue
        lines = LockedLines()
    }

    deinit { channel.close(promise: nil) }

    /// The next event; `nil` when the server has ended the watch, as it does from time to time.
    /// One reader at a time.
    package func next() async throws -> PodEvent? {
        while true {
            if let line = try lines.take() { return try PodEvent(line: line) }
            guard let bytes = try await queue.next(resume: { [channel] in channel.read() }) else {
                return nil
            }
            lines.add(bytes)
        }
    }

    package func close() { channel.close(promise: nil) }
}

/// Answers a watch's reply as it arrives.
private final class WatchHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private static let longestRefusal = 64 << 10

    private let head: HTTPRequestHead
    private let queue: PieceQueue<ByteBuffer>
    private let opened: EventLoopPromise<Void>
    private var refusal: (status: Int, retryAfter: String?, body: [UInt8])?

    init(head: HTTPRequestHead, queue: PieceQueue<ByteBuffer>, opened: EventLoopPromise<Void>) {
        self.head = head
        self.queue = queue
        self.opened = opened
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status.code == 200: opened.succeed()
        case .head(let head):
            let later = head.headers.first(name: "Retry-After")
            refusal = (Int(head.status.code), later, [])
        case .body(let bytes):
            guard refusal != nil else { return queue.received(bytes) }
            let room = Self.longestRefusal - (refusal?.body.count ?? 0)
            refusal?.body += bytes.readableBytesView.prefix(room)
        case .end:
            ended(ClusterUnreachable("the server closed the connection"))
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if queue.hasRoom { context.read() }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended(ClusterUnreachable("the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ended(ClusterUnreachable("\(error)"))
        context.close(promise: nil)
    }

    private func ended(_ error: any Error) {
        if let refusal {
            opened.fail(
                ClusterRefusal(
                    status: refusal.status,
                    body: refusal.body,
                    retryAfter: refusal.retryAfter
                )
            )
        } else {
            opened.fail(error)
        }
        // However it ends, whoever watches looks anew.
        queue.finish(.success(()))
    }
}
