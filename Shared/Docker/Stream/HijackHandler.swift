import NIOCore
import SharedMessages
import SharedWaiting

/// Sends a request, and once the engine agrees turns what follows into pieces for the queue.
final class HijackHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case reply(UpgradeReply)
        case raw
        case framed(FrameDecoder)
        case over
    }

    private var state = State.reply(UpgradeReply())
    private let request: ByteBuffer
    private let isRaw: Bool
    private let queue: PieceQueue<EngineStream.Piece>
    private let opened: EventLoopPromise<Void>

    /// `opened` is settled in any case, at the latest when the channel closes.
    init(
        request: ByteBuffer,
        isRaw: Bool,
        queue: PieceQueue<EngineStream.Piece>,
        opened: EventLoopPromise<Void>
    ) {
        self.request = request
        self.isRaw = isRaw
        self.queue = queue
        self.opened = opened
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received(unwrapInboundIn(data), context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .reply = state {
            context.read()
        } else if queue.hasRoom {
            context.read()
        }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The engine has half-closed: its bytes end here, ours may still go.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { ended() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .reply: opened.fail(error)
        case .raw, .framed: queue.finish(.failure(Self.broken(error)))
        case .over: break
        }
        state = .over
        context.close(promise: nil)
    }

    private func received(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        switch state {
        case .reply(var reply):
            let event = reply.take(bytes)
            state = .reply(reply)
            switch event {
            case nil: break
            case .refused(let refusal): errorCaught(context: context, error: refusal)
            case .upgraded(let rest):
                state = isRaw ? .raw : .framed(FrameDecoder())
                opened.succeed()
                if rest.readableBytes > 0 { received(rest, context) }
            }
        case .raw: queue.received((.stdout, bytes))
        case .framed(var decoder):
            do {
                let pieces = try decoder.decode(bytes)
                state = .framed(decoder)
                for piece in pieces { queue.received(piece) }
            } catch {
                errorCaught(context: context, error: error)
            }
        case .over: break
        }
    }

    private func ended() {
        switch state {
        case .reply(var reply): opened.fail(reply.end())
        case .framed(let decoder) where !decoder.isAtBoundary:
            queue.finish(.failure(Self.broken(FrameError.endedInsideFrame)))
        case .raw, .framed, .over: queue.finish(.success(()))
        }
        state = .over
    }

    private static func broken(_ error: any Error) -> CodedError {
        CodedError(.dockerStreamOutputFailed, detail: "\(error)", cause: error)
    }
}
