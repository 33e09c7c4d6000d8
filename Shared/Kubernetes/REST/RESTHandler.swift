import NIOCore
import NIOHTTP1

/// One call at a time over a connection that may serve several, one after the other.
final class RESTHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// A call under way.
    private struct Pending {
        let promise: EventLoopPromise<RESTReply>
        let limit: Int
        var reply: RESTReply?
    }

    private let pending: NIOLoopBoundBox<Pending?>

    init(on loop: any EventLoop) {
        pending = NIOLoopBoundBox.makeEmptyBox(eventLoop: loop)
    }

    /// Sends a call on `channel`, which is this handler's; on its loop.
    func send(
        _ head: HTTPRequestHead,
        _ body: [UInt8],
        limit: Int,
        on channel: any Channel,
        _ promise: EventLoopPromise<RESTReply>
    ) {
        guard channel.isActive, pending.value == nil else {
            return promise.fail(ClusterUnreachable("the connection was closed"))
        }
        pending.value = Pending(promise: promise, limit: limit)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !body.isEmpty {
            let bytes = ByteBuffer(bytes: body)
            channel.write(HTTPClientRequestPart.body(.byteBuffer(bytes)), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        channel.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard var current = pending.value else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            // 1xx announces the real one.
            guard head.status.code >= 200 else { return }
            current.reply = RESTReply(
                status: Int(head.status.code),
                retryAfter: head.headers.first(name: "Retry-After"),
                body: []
            )
        case .body(let bytes):
            let count = current.reply?.body.count ?? 0
            guard bytes.readableBytes <= current.limit - count else {
                return errorCaught(context: context, error: ClusterFault.tooLarge("a reply"))
            }
            current.reply?.body += bytes.readableBytesView
        case .end:
            guard let reply = current.reply else { return }
            pending.value = nil
            current.promise.succeed(reply)
            return
        }
        pending.value = current
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // An idle connection reads too, so that its end is seen.
        context.read()
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ClusterUnreachable("the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error is ClusterFault ? error : ClusterUnreachable("\(error)"))
        context.close(promise: nil)
    }

    private func fail(_ error: any Error) {
        guard let current = pending.value else { return }
        pending.value = nil
        current.promise.fail(error)
    }
}
