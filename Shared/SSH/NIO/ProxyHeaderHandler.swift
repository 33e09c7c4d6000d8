import NIOCore

/// Reads the PROXY header in front of a connection, then leaves the pipeline.
///
/// `decide` gets the outcome once and adds the handlers that come next; bytes that follow the
/// header go to them.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What came before the client's own bytes; `nil`: no header.
    typealias Outcome = Result<ProxyHeader?, ProxyHeaderProblem>

    private let isRequired: Bool
    private let timeout: TimeAmount
    private let decide: (Outcome) -> Void
    private var bytes = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDecided = false

    init(isRequired: Bool, timeout: TimeAmount, decide: @escaping (Outcome) -> Void) {
        self.isRequired = isRequired
        self.timeout = timeout
        self.decide = decide
    }

    /// The handlers that follow hear of it when they are there.
    func channelActive(context: ChannelHandlerContext) {
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.timedOut(context.value)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var more = unwrapInboundIn(data)
        guard !isDecided else { return context.fireChannelRead(data) }
        bytes.writeBuffer(&more)
        do {
            switch try ProxyHeaderReader.read(bytes.readableBytesView) {
            case .needsMore: break
            case .absent: settle(context, isRequired ? .failure(.missing) : .success(nil))
            case .header(let header, let length):
                bytes.moveReaderIndex(forwardBy: length)
                settle(context, .success(header))
            }
        } catch {
            settle(context, .failure(error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isDecided { context.fireChannelReadComplete() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Whoever only looks whether the port is open is not worth a word.
        isDecided = true
        timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// A client that waits for our identification first has sent nothing, which is no header.
    private func timedOut(_ context: ChannelHandlerContext) {
        let isDirect = bytes.readableBytes == 0 && !isRequired
        settle(context, isDirect ? .success(nil) : .failure(.late))
    }

    private func settle(_ context: ChannelHandlerContext, _ outcome: Outcome) {
        guard !isDecided else { return }
        isDecided = true
        timer?.cancel()
        decide(outcome)
        if context.channel.isActive { context.fireChannelActive() }
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}

/// Watches for a PROXY header from a client that may not send one, then leaves the pipeline.
///
/// Without it such a header would look like a strange identification line.
final class ProxyHeaderWatcher: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let found: () -> Void
    private var isFound = false
    private var bytes = ByteBuffer()

    init(found: @escaping () -> Void) {
        self.found = found
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFound else { return }
        var more = unwrapInboundIn(data)
        bytes.writeBuffer(&more)
        do throws(ProxyHeaderProblem) {
            switch try ProxyHeaderReader.read(bytes.readableBytesView) {
            case .needsMore where !isSurelyHeader: return
            case .absent: break
            case .header, .needsMore: return report()
            }
        } catch {
            return report()
        }
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func report() {
        isFound = true
        found()
    }

    /// As long as the longer of the two beginnings.
    private var isSurelyHeader: Bool { bytes.readableBytes >= 12 }
}
