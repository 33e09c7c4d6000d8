import NIOCore
import SharedWaiting

/// Asks for a WebSocket, and once the server agrees turns what follows into pieces for the queue.
final class PodStreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case reply(UpgradeReply)
        case open(WebSocketDecoder)
        case over
    }

    /// What a message is about.
    private enum Message {
        case none
        case output(EngineChannel)
        case status
        case unknown
    }

    typealias EngineChannel = PodStream.Output

    private static let longestStatus = 256 << 10

    private var state: State
    private let request: ByteBuffer
    private let queue: PieceQueue<PodStream.Piece>
    private let opened: EventLoopPromise<String>
    private let status: Latch<ExecStatus>
    private let pulse: TimeAmount
    private var message = Message.none
    private var statusBytes: [UInt8] = []
    private var ticking: Scheduled<Void>?
    private var hasHeard = true
    private var isAsked = false

    /// `opened` and `status` are settled in any case, at the latest when the channel closes.
    init(
        request: ByteBuffer,
        key: String,
        queue: PieceQueue<PodStream.Piece>,
        opened: EventLoopPromise<String>,
        status: Latch<ExecStatus>,
        pulse: TimeAmount
    ) {
        self.request = request
        self.queue = queue
        self.opened = opened
        self.status = status
        self.pulse = pulse
        state = .reply(UpgradeReply(key: key))
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasHeard = true
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
        ended(ClusterFault.cutShort)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ended(error)
        context.close(promise: nil)
    }

    // MARK: - What comes

    private func received(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        switch state {
        case .reply(var reply):
            let event = reply.take(bytes)
            state = .reply(reply)
            switch event {
            case nil: break
            case .refused(let refusal): errorCaught(context: context, error: refusal)
            case .upgraded(let name, let rest):
                state = .open(WebSocketDecoder())
                opened.succeed(name)
                tick(context)
                if rest.readableBytes > 0 { received(rest, context) }
            }
        case .open(var decoder):
            do {
                let events = try decoder.decode(bytes)
                state = .open(decoder)
                for event in events { try handle(event, context) }
            } catch {
                errorCaught(context: context, error: error)
            }
        case .over: break
        }
    }

    private func handle(
        _ event: WebSocketDecoder.Event,
        _ context: ChannelHandlerContext
    ) throws(ClusterFault) {
        switch event {
        case .message(let bytes, let isStart): try take(bytes, isStart)
        case .messageEnd:
            if case .status = message { try takeStatus() }
            message = .none
        case .ping(let bytes): send(.pong, [bytes], context)
        case .pong: break
        case .close(let code, let reason):
            send(.close, [ByteBuffer(integer: UInt16(1000))], context)
            // 1000 is the end of the program; anything else is the server's own trouble.
            ended(
                code == 1000 || code == 1005
                    ? nil : ClusterFault.malformed("closed with \(code) \(reason.prefix(200))")
            )
            context.close(promise: nil)
        }
    }

    /// The first byte of a message says what it is about (v4.channel.k8s.io, v5.channel.k8s.io).
    private func take(_ bytes: ByteBuffer, _ isStart: Bool) throws(ClusterFault) {
        var bytes = bytes
        if isStart {
            switch bytes.readInteger(as: UInt8.self) {
            case 1?: message = .output(.stdout)
            case 2?: message = .output(.stderr)
            case 3?: message = .status
            default: message = .unknown
            }
        }
        guard bytes.readableBytes > 0 else { return }
        switch message {
        case .output(let output): queue.received((output, bytes))
        case .status:
            guard statusBytes.count + bytes.readableBytes <= Self.longestStatus else {
                throw .tooLarge("a status")
            }
            statusBytes += bytes.readableBytesView
        case .none, .unknown: break
        }
    }

    private func takeStatus() throws(ClusterFault) {
        let bytes = statusBytes
        statusBytes = []
        guard !bytes.isEmpty else { return }
        status.settle(.success(try ExecStatus(bytes)))
    }

    private func ended(_ error: (any Error)?) {
        ticking?.cancel()
        ticking = nil
        switch state {
        case .reply(var reply):
            let isCut = error as? ClusterFault == .cutShort
            let failure = isCut ? reply.end() : error ?? reply.end()
            opened.fail(failure)
            status.settle(.failure(failure))
            queue.finish(.failure(failure))
        case .open:
            // The status comes last: with it all has come.
            let isComplete = error == nil || status.isSettled
            status.settle(.failure(error ?? ClusterFault.cutShort))
            queue.finish(isComplete ? .success(()) : .failure(error ?? ClusterFault.cutShort))
        case .over: break
        }
        state = .over
    }

    // MARK: - Signs of life

    /// Asks for a sign of life after a silence; a second silence is the end. What we do not read
    /// cannot tell.
    private func tick(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        ticking = context.eventLoop.scheduleTask(in: pulse) {
            let (handler, context) = bound.value
            handler.pulsed(context)
        }
    }

    private func pulsed(_ context: ChannelHandlerContext) {
        guard case .open = state else { return }
        if hasHeard || !queue.hasRoom {
            isAsked = false
        } else if isAsked {
            return errorCaught(context: context, error: ClusterFault.silent)
        }
        if queue.hasRoom, !hasHeard { isAsked = true }
        // Also a stream that is used one way only is kept open by what comes back.
        send(.ping, [], context)
        hasHeard = false
        tick(context)
    }

    private func send(
        _ kind: WebSocketEncoder.Kind,
        _ pieces: [ByteBuffer],
        _ context: ChannelHandlerContext
    ) {
        let frame = WebSocketEncoder.frame(kind, pieces)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}
