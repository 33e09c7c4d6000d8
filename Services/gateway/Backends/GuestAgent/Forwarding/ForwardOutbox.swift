import NIOCore
import SharedWaiting
import Synchronization

/// Packets on their way to an agent, in order.
final class ForwardOutbox: Sendable {
    private struct State {
        var packets: [ByteBuffer] = []
        /// Who waits until what is in `packets` was taken.
        var senders: [Latch<Void>] = []
        /// Packets that nobody waits for.
        var posted = 0
        var failure: (any Error)?
    }

    private let state = Mutex(State())
    private let wake: AsyncStream<Void>.Continuation
    private let woken: AsyncStream<Void>

    /// An agent that causes more answers without reading them is given up.
    private static let mostPosted = 4096

    init() {
        (woken, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Queues packets and waits until the transport has taken them.
    func send(_ packets: [ByteBuffer]) async throws {
        let taken = Latch<Void>()
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.packets += packets
            state.senders.append(taken)
        }
        wake.yield()
        try await taken.value()
    }

    /// Queues a packet; `false`: too many wait.
    @discardableResult
    func post(_ packet: ByteBuffer) -> Bool {
        let isTaken = state.withLock { state in
            guard state.failure == nil else { return true }
            guard state.posted < Self.mostPosted else { return false }
            state.posted += 1
            state.packets.append(packet)
            return true
        }
        wake.yield()
        return isTaken
    }

    /// Carries packets to the transport until it fails or `fail` is called.
    func carry(to transport: any AgentTransport) async throws {
        for await _ in woken {
            while true {
                let (packets, senders) = take()
                guard !packets.isEmpty else { break }
                do {
                    try await transport.write(packets)
                } catch {
                    for sender in senders { sender.settle(.failure(error)) }
                    throw error
                }
                for sender in senders { sender.settle(.success(())) }
            }
        }
    }

    private func take() -> ([ByteBuffer], [Latch<Void>]) {
        state.withLock { state in
            defer {
                state.packets = []
                state.senders = []
                state.posted = 0
            }
            return (state.packets, state.senders)
        }
    }

    /// Takes no more; who waits is told.
    func fail(_ error: any Error) {
        let senders = state.withLock { state in
            state.failure = state.failure ?? error
            state.packets = []
            defer { state.senders = [] }
            return state.senders
        }
        for sender in senders { sender.settle(.failure(error)) }
        wake.finish()
    }
}
