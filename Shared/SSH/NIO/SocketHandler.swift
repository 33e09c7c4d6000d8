import NIOCore

/// Passes what happens on a socket to its owner, and reads no faster than can be answered: while
/// the peer does not take what we send, nothing more is read from it.
final class SocketHandler<Owner: SocketOwner>: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let owner: Owner
    private var isReadHeld = false
    private var error: (any Error)?

    init(_ owner: Owner) {
        self.owner = owner
    }

    func channelActive(context: ChannelHandlerContext) {
        owner.assumeIsolated { $0.socketReady() }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        owner.assumeIsolated { $0.socketReceived(bytes) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        owner.assumeIsolated { $0.socketReceivedAll() }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        guard context.channel.isWritable else {
            isReadHeld = true
            return
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        owner.assumeIsolated { $0.socketWritable() }
        guard isReadHeld else { return }
        isReadHeld = false
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.error = error
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let error = error
        owner.assumeIsolated { $0.socketClosed(error) }
        context.fireChannelInactive()
    }
}
