import NIOCore
import NIOPosix
import Synchronization

@testable import SharedSSH

/// A server on the loopback that goes as far as the transport does: it exchanges keys, grants the
/// service `ssh-userauth` and then refuses every login.
struct KeyExchangeServer {
    let port: Int
    let events: EventLog

    /// What the connections' machines said.
    final class EventLog: Sendable {
        private let log = Mutex<
            (facts: [HandshakeFacts], users: [String], errors: [TransportError])
        >(
            ([], [], [])
        )

        var facts: [HandshakeFacts] { log.withLock { $0.facts } }
        var users: [String] { log.withLock { $0.users } }
        var errors: [TransportError] { log.withLock { $0.errors } }

        func add(_ facts: HandshakeFacts) { log.withLock { $0.facts.append(facts) } }
        func add(user: String) { log.withLock { $0.users.append(user) } }
        func add(_ error: TransportError) { log.withLock { $0.errors.append(error) } }
    }

    static func run<T: Sendable>(
        _ settings: TransportSettings,
        _ body: @Sendable @escaping (KeyExchangeServer) throws -> T
    ) async throws -> T {
        let events = EventLog()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(settings, events))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = KeyExchangeServer(port: channel.localAddress?.port ?? 0, events: events)
        // The body waits for other programs, so it has a thread of the pool to itself.
        let result = try await NIOThreadPool.singleton.runIfActive { try body(server) }
        try await channel.close()
        return result
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private var machine: TransportMachine
        private let events: EventLog

        init(_ settings: TransportSettings, _ events: EventLog) {
            machine = TransportMachine(role: .server, settings: settings)
            self.events = events
        }

        func channelActive(context: ChannelHandlerContext) {
            drive(context) { machine, out throws(TransportError) in try machine.start(into: &out) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            machine.received(unwrapInboundIn(data))
            drive(context) { [events] machine, out throws(TransportError) in
                while let event = try machine.nextEvent(into: &out) {
                    switch event {
                    case .established(let facts, _): events.add(facts)
                    case .payload(let message):
                        try Self.answer(message, &machine, &out, events)
                    default: break
                    }
                }
            }
        }

        private func drive(
            _ context: ChannelHandlerContext,
            _ body: (inout TransportMachine, inout ByteBuffer) throws(TransportError) -> Void
        ) {
            var out = context.channel.allocator.buffer(capacity: 4096)
            do {
                try body(&machine, &out)
            } catch {
                events.add(error)
                machine.disconnect(error.reason, error.text, into: &out)
            }
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            if machine.isClosed { context.close(promise: nil) }
        }

        private static func answer(
            _ message: ByteBuffer,
            _ machine: inout TransportMachine,
            _ out: inout ByteBuffer,
            _ events: EventLog
        ) throws(TransportError) {
            var message = message
            let number = message.readInteger(as: UInt8.self).flatMap(MessageNumber.init(rawValue:))
            // A message that does not parse leaves no trace, which fails the test.
            guard let text = try? message.readSSHText() else { return }
            try machine.send(into: &out) { buffer in
                switch number {
                case .serviceRequest:
                    buffer.writeSSHMessage(.serviceAccept)
                    buffer.writeSSHString(text)
                default:
                    events.add(user: text)
                    buffer.writeSSHMessage(.userAuthFailure)
                    buffer.writeSSHNameList(["publickey"])
                    buffer.writeSSHBoolean(false)
                }
            }
        }
    }
}
