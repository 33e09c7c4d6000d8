import NIOCore

/// Tells a client why it is not served, and closes (RFC 4253 §11.1).
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var transport: TransportMachine
    private let refusal: ServerRefusal
    private var isSaid = false
    /// How long the client may take to read it and hang up.
    private static let lingerTime = TimeAmount.seconds(2)

    init(_ settings: TransportSettings, _ refusal: ServerRefusal) {
        transport = TransportMachine(role: .server, settings: settings)
        self.refusal = refusal
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { say(context) }
    }

    func channelActive(context: ChannelHandlerContext) { say(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func say(_ context: ChannelHandlerContext) {
        guard !isSaid else { return }
        isSaid = true
        var outbound = ByteBuffer()
        // A transport that cannot even begin leaves nothing to say; the socket is closed anyway.
        try? transport.start(into: &outbound)
        transport.disconnect(refusal.reason, refusal.text, into: &outbound)
        let channel = context.channel
        channel.writeAndFlush(outbound).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
        let timer = channel.eventLoop.scheduleTask(in: Self.lingerTime) {
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }
}
