import NIOCore

/// Tells a client that there are too many connections, and closes (RFC 4253 §11.1, reason 12).
final class FullServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var transport: TransportMachine
    /// How long the client may take to read it and hang up.
    private static let lingerTime = TimeAmount.seconds(2)

    init(_ settings: TransportSettings) {
        transport = TransportMachine(role: .server, settings: settings)
    }

    func channelActive(context: ChannelHandlerContext) {
        var outbound = ByteBuffer()
        // A transport that cannot even begin leaves nothing to say; the socket is closed anyway.
        try? transport.start(into: &outbound)
        transport.disconnect(.tooManyConnections, "Too many connections.", into: &outbound)
        let channel = context.channel
        channel.writeAndFlush(outbound).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
        let timer = channel.eventLoop.scheduleTask(in: Self.lingerTime) {
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
