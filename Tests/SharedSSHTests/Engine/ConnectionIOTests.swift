import NIOCore
import NIOEmbedded
import Testing

@testable import SharedSSH

@Suite("A connection's bytes in and out")
struct ConnectionIOTests {
    @Test("requests that arrive together are all answered, more than may wait for an answer")
    func pipelined() throws {
        let count = ConnectionLimits().queuedReplies * 5
        var pair = try MachinePair.established()
        let keepalive = ConnectionMessage.globalRequest(
            type: "keepalive@openssh.com",
            wantsReply: true,
            payload: ByteBuffer()
        )
        for _ in 0..<count {
            try pair.client.send(into: &pair.toServer) { keepalive.write(into: &$0) }
        }
        let socket = EmbeddedChannel()
        try socket.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let io = ConnectionIO(
            socket: socket,
            transport: pair.server,
            connection: ConnectionMachine(role: .server)
        )
        io.received(pair.toServer) { event in
            guard case .payload(let message) = event else { return }
            #expect(io.connection.received(message) == .nothing)
        }
        io.receivedAll()
        socket.embeddedEventLoop.run()
        while let bytes = try socket.readOutbound(as: ByteBuffer.self) {
            pair.client.received(bytes)
            while let event = try pair.client.nextEvent(into: &pair.toServer) {
                pair.clientEvents.append(event)
            }
        }
        #expect(pair.clientPayloads == Array(repeating: [82], count: count))
        _ = try socket.finish(acceptAlreadyClosed: true)
    }

    @Test("while keys are exchanged replies wait, and no more than may")
    func exchanging() throws {
        var pair = try MachinePair.established()
        try pair.server.requestRekey(into: &pair.toClient)
        let socket = EmbeddedChannel()
        let io = ConnectionIO(
            socket: socket,
            transport: pair.server,
            connection: ConnectionMachine(role: .server)
        )
        let keepalive = ConnectionMessage.globalRequest(
            type: "keepalive@openssh.com",
            wantsReply: true,
            payload: ByteBuffer()
        )
        var violations = 0
        for _ in 0..<(ConnectionLimits().queuedReplies + 2) {
            try pair.client.send(into: &pair.toServer) { keepalive.write(into: &$0) }
        }
        io.received(pair.toServer) { event in
            guard case .payload(let message) = event else { return }
            if case .violation = io.connection.received(message) { violations += 1 }
        }
        #expect(violations == 1)
        _ = try socket.finish(acceptAlreadyClosed: true)
    }
}
