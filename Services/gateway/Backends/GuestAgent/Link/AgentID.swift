import NIOCore

/// Holds an id of a link: when nobody holds it any more, the agent is told.
final class AgentID: Sendable {
    let link: AgentLink
    let number: UInt32

    init(_ link: AgentLink, _ number: UInt32) {
        self.link = link
        self.number = number
    }

    deinit {
        // A link that has ended has no ids.
        try? link.change { $0.abandon(number) }
    }

    /// Waits for the agent's first answer; gives up the id when that is a refusal, or when the
    /// waiting task is cancelled.
    func answer() async throws -> UInt32 {
        try await link.wait(for: WaitKey(.answer, number)) { [number] machine in
            switch machine.items[number]?.answer {
            case .given(let value): return value
            case .refused(let refusal): throw refusal
            case .awaited:
                if let end = machine.end { throw end }
                return nil
            case nil: throw AgentEnd.closed.error
            }
        }
    }

    /// Sends bytes to the agent, as far as it takes them: returns once they were taken.
    func send(_ bytes: ByteBuffer) async throws {
        var rest = bytes
        while rest.readableBytes > 0 {
            rest = try await link.wait(for: WaitKey(.room, number)) { [number, rest] machine in
                try machine.send(rest, to: number)
            }
        }
    }

    /// The next bytes; `nil` at the end of all channels.
    func receive() async throws -> ReceiveQueue.Piece? {
        let received: Received = try await link.wait(for: WaitKey(.output, number)) {
            [number] machine in
            if let piece = machine.takePiece(number) { return .piece(piece) }
            guard let item = machine.items[number] else { return .end }
            if item.received.hasEnded || item.closeSent || item.closeReceived { return .end }
            if let end = machine.end { throw end }
            return nil
        }
        switch received {
        case .piece(let piece): return piece
        case .end: return nil
        }
    }

    private enum Received: Sendable {
        case piece(ReceiveQueue.Piece)
        case end
    }

    /// Behind whatever was sent before.
    func sendEnd() {
        // A link that has ended sends nothing.
        try? link.change { $0.sendEnd(number) }
    }

    func close() {
        // A link that has ended has nothing to close.
        try? link.change { $0.close(number) }
    }
}
