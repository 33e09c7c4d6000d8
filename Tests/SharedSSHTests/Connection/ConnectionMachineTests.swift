import NIOCore
import Testing

@testable import SharedSSH

@Suite("The connection machine")
struct ConnectionMachineTests {
    /// A server with one open session, number 0, whose client calls it 7.
    static func opened(
        limits: ConnectionLimits = ConnectionLimits(window: 1000, maximumPacket: 100),
        window: UInt32 = 1000,
        maximumPacket: UInt32 = 100
    ) -> ConnectionMachine {
        var machine = ConnectionMachine(role: .server, limits: limits)
        let open = ChannelOpen.session(window: window, maximumPacket: maximumPacket)
        #expect(
            machine.received(.channelOpen(open))
                == .openRequested(0, .session)
        )
        #expect(machine.acceptOpen(0) == true)
        #expect(machine.drain().count == 1)
        return machine
    }

    static func bytes(_ count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0) })
    }

    static func request(_ type: String, wantsReply: Bool = true) -> ConnectionMessage {
        .channelRequest(recipient: 0, ChannelRequest(type: type, wantsReply: wantsReply))
    }

    // MARK: - Opening

    @Test("an accepted session is confirmed with our window and packet size")
    func confirmation() {
        var machine = ConnectionMachine(
            role: .server,
            limits: ConnectionLimits(window: 1000, maximumPacket: 100)
        )
        _ = machine.received(.channelOpen(.session()))
        #expect(machine.drain().isEmpty)
        #expect(machine.acceptOpen(0) == true)
        #expect(
            machine.drain() == [
                .channelOpenConfirmation(
                    ChannelOpenConfirmation(
                        recipient: 7,
                        sender: 0,
                        window: 1000,
                        maximumPacket: 100
                    )
                )
            ]
        )
        #expect(machine.acceptOpen(0) == false)
    }

    @Test("a refused session is refused with reason and text, and its place is free again")
    func refusal() {
        var machine = ConnectionMachine(role: .server, limits: ConnectionLimits(channels: 1))
        for number in UInt32(0)..<3 {
            #expect(
                machine.received(.channelOpen(.session()))
                    == .openRequested(number, .session)
            )
            machine.refuseOpen(number, .resourceShortage, text: "full")
            #expect(machine.drain() == [.channelOpenFailure(recipient: 7, reason: 4, text: "full")])
        }
        #expect(machine.channelCount == 0)
    }

    @Test("one channel more than allowed is refused with reason 4")
    func channelLimit() {
        var machine = ConnectionMachine(role: .server, limits: ConnectionLimits(channels: 2))
        _ = machine.received(.channelOpen(.session()))
        _ = machine.received(.channelOpen(.session()))
        #expect(machine.received(.channelOpen(.session())) == .nothing)
        #expect(
            machine.drain() == [
                .channelOpenFailure(
                    recipient: 7,
                    reason: 4,
                    text: "Too many channels are open."
                )
            ]
        )
    }

    @Test("another type of channel is refused with reason 3, and told")
    func unsupportedType() {
        var machine = ConnectionMachine(role: .server)
        var open = ChannelOpen.session()
        open.type = "tun@openssh.com"
        #expect(machine.received(.channelOpen(open)) == .unsupportedOpen(type: "tun@openssh.com"))
        #expect(
            machine.drain() == [
                .channelOpenFailure(
                    recipient: 7,
                    reason: 3,
                    text: "unsupported channel type"
                )
            ]
        )
    }

    @Test("a packet size of 0 is refused, one of 1 is not")
    func packetSizes() {
        var machine = ConnectionMachine(role: .server)
        #expect(machine.received(.channelOpen(.session(maximumPacket: 0))) == .nothing)
        guard case .channelOpenFailure(7, 2, _)? = machine.drain().first else {
            Issue.record("not refused")
            return
        }
        guard case .openRequested = machine.received(.channelOpen(.session(maximumPacket: 1)))
        else {
            Issue.record("refused")
            return
        }
    }

    @Test("a session after no-more-sessions breaks the protocol")
    func noMoreSessions() {
        var machine = Self.opened()
        let request = ConnectionMessage.globalRequest(
            type: "no-more-sessions@openssh.com",
            wantsReply: false,
            payload: ByteBuffer()
        )
        #expect(machine.received(request) == .nothing)
        #expect(machine.received(.channelOpen(.session())).isViolation)
    }

    @Test("opens beyond those that may wait for an answer are refused, and cost nothing")
    func openFlood() {
        var machine = ConnectionMachine(
            role: .server,
            limits: ConnectionLimits(channels: 100, pendingQuestions: 3)
        )
        for number in UInt32(0)..<3 {
            #expect(
                machine.received(.channelOpen(.session())) == .openRequested(number, .session)
            )
        }
        #expect(machine.received(.channelOpen(.session())) == .nothing)
        #expect(machine.channelCount == 3)
        #expect(
            machine.drain() == [
                .channelOpenFailure(
                    recipient: 7,
                    reason: 4,
                    text: "Too many channels are being opened."
                )
            ]
        )
    }

    // MARK: - Unknown channels

    static let onChannel9: [ConnectionMessage] = [
        .channelWindowAdjust(recipient: 9, count: 1), .channelData(recipient: 9, bytes: bytes(1)),
        .channelExtendedData(recipient: 9, type: 1, bytes: bytes(1)), .channelEOF(recipient: 9),
        .channelClose(recipient: 9), .channelSuccess(recipient: 9), .channelFailure(recipient: 9),
        .channelRequest(recipient: 9, ChannelRequest(type: "shell", wantsReply: true)),
        .channelOpenFailure(recipient: 9, reason: 1, text: ""),
        .channelOpenConfirmation(
            ChannelOpenConfirmation(recipient: 9, sender: 1, window: 1, maximumPacket: 1)
        ),
    ]

    @Test("a message for a channel that does not exist breaks the protocol", arguments: onChannel9)
    func unknownChannel(message: ConnectionMessage) {
        var machine = Self.opened()
        #expect(machine.received(message).isViolation)
    }

    @Test("a channel that is not confirmed yet does not exist for its client")
    func unconfirmed() {
        var machine = ConnectionMachine(role: .server)
        _ = machine.received(.channelOpen(.session()))
        #expect(machine.received(.channelData(recipient: 0, bytes: Self.bytes(1))).isViolation)
        #expect(machine.enqueue(0, .eof) == false)
    }

    // MARK: - Receiving

    @Test("data up to the window is taken, one byte more breaks the protocol")
    func inboundWindow() {
        var machine = Self.opened()
        let data = Self.bytes(1000)
        #expect(
            machine.received(.channelData(recipient: 0, bytes: data))
                == .data(0, stream: nil, data)
        )
        #expect(machine.received(.channelData(recipient: 0, bytes: Self.bytes(1))).isViolation)
    }

    @Test("the window grows only by what the owner has taken")
    func adjust() {
        var machine = Self.opened()
        _ = machine.received(.channelData(recipient: 0, bytes: Self.bytes(1000)))
        #expect(machine.drain().isEmpty)
        machine.consumed(0, 124)
        #expect(machine.drain().isEmpty)
        machine.consumed(0, 76)
        #expect(machine.drain() == [.channelWindowAdjust(recipient: 7, count: 200)])
        #expect(!machine.received(.channelData(recipient: 0, bytes: Self.bytes(200))).isViolation)
        #expect(machine.received(.channelData(recipient: 0, bytes: Self.bytes(1))).isViolation)
    }

    @Test("extended data shares the window and says its type")
    func extendedData() {
        var machine = Self.opened()
        let data = Self.bytes(600)
        let message = ConnectionMessage.channelExtendedData(recipient: 0, type: 1, bytes: data)
        #expect(machine.received(message) == .data(0, stream: 1, data))
        #expect(machine.received(message).isViolation)
    }

    @Test("EOF is told once, and data after it breaks the protocol")
    func eof() {
        var machine = Self.opened()
        #expect(machine.received(.channelEOF(recipient: 0)) == .eof(0))
        #expect(machine.received(.channelEOF(recipient: 0)) == .nothing)
        #expect(machine.received(.channelData(recipient: 0, bytes: Self.bytes(1))).isViolation)
    }

    // MARK: - Sending

    @Test("data is cut to window and packet size, and goes on as the window grows")
    func outboundWindow() {
        var machine = Self.opened(window: 150, maximumPacket: 60)
        #expect(machine.enqueue(0, .data(Self.bytes(200), .stdout, ticket: 5)) == true)
        #expect(machine.drain().dataSizes == [60, 60, 30])
        #expect(machine.takeSettledWrites().isEmpty)
        #expect(machine.received(.channelWindowAdjust(recipient: 0, count: 20)) == .nothing)
        #expect(machine.drain().dataSizes == [20])
        _ = machine.received(.channelWindowAdjust(recipient: 0, count: 1000))
        #expect(machine.drain().dataSizes == [30])
        #expect(machine.takeSettledWrites() == [SettledWrite(ticket: 5, taken: true)])
    }

    @Test("a packet size of 1 sends byte by byte, and does not hang")
    func tinyPackets() {
        var machine = Self.opened(window: 10, maximumPacket: 1)
        _ = machine.enqueue(0, .data(Self.bytes(12), .stderr, ticket: 1))
        #expect(machine.drain().dataSizes == [Int](repeating: 1, count: 10))
        _ = machine.received(.channelWindowAdjust(recipient: 0, count: 2))
        #expect(machine.drain().dataSizes == [1, 1])
    }

    @Test("our own packet size bounds what a client allows")
    func ownPacketSize() {
        var machine = Self.opened(window: .max, maximumPacket: .max)
        _ = machine.enqueue(0, .data(Self.bytes(250), .stdout, ticket: 1))
        #expect(machine.drain().dataSizes == [100, 100, 50])
    }

    @Test("a window of 2^32 - 1 is allowed, one more breaks the protocol")
    func windowOverflow() {
        var machine = Self.opened(window: .max)
        #expect(machine.received(.channelWindowAdjust(recipient: 0, count: 0)) == .nothing)
        #expect(machine.received(.channelWindowAdjust(recipient: 0, count: 1)).isViolation)
    }

    @Test("no data goes out while it is not allowed, but replies do")
    func dataNotAllowed() {
        var machine = Self.opened()
        _ = machine.enqueue(0, .data(Self.bytes(5), .stdout, ticket: 1))
        _ = machine.received(Self.request("shell"))
        machine.answerRequest(0, success: true)
        #expect(machine.nextOutgoing(dataAllowed: false) == .channelSuccess(recipient: 7))
        #expect(machine.nextOutgoing(dataAllowed: false) == nil)
        #expect(machine.drain().dataSizes == [5])
    }

    @Test("exit status, EOF and CLOSE come after everything that was written")
    func order() {
        var machine = Self.opened(window: 5)
        _ = machine.enqueue(0, .data(Self.bytes(6), .stdout, ticket: 1))
        _ = machine.enqueue(0, .eof)
        _ = machine.enqueue(0, .exit(.status(3)))
        _ = machine.enqueue(0, .close)
        #expect(machine.drain().dataSizes == [5])
        _ = machine.received(.channelWindowAdjust(recipient: 0, count: 9))
        let rest = machine.drain()
        #expect(rest.dataSizes == [1])
        #expect(
            Array(rest.dropFirst()) == [
                .channelEOF(recipient: 7),
                .channelRequest(recipient: 7, ProgramExit.status(3).wire),
                .channelClose(recipient: 7),
            ]
        )
    }

    @Test("EOF, exit and CLOSE are sent once, and data after EOF is not taken")
    func onlyOnce() {
        var machine = Self.opened()
        #expect(machine.enqueue(0, .eof) == true)
        #expect(machine.enqueue(0, .eof) == false)
        #expect(machine.enqueue(0, .data(Self.bytes(1), .stdout, ticket: 1)) == false)
        #expect(machine.enqueue(0, .exit(.status(0))) == true)
        #expect(machine.enqueue(0, .exit(.status(1))) == false)
        #expect(machine.enqueue(0, .close) == true)
        #expect(machine.enqueue(0, .close) == false)
        #expect(machine.drain().count == 3)
    }

    @Test("channels take turns")
    func fairness() {
        var machine = Self.opened()
        _ = machine.received(.channelOpen(.session(sender: 8, window: 1000, maximumPacket: 100)))
        _ = machine.acceptOpen(1)
        _ = machine.drain()
        _ = machine.enqueue(0, .data(Self.bytes(300), .stdout, ticket: 1))
        _ = machine.enqueue(1, .data(Self.bytes(300), .stdout, ticket: 2))
        let recipients = machine.drain().compactMap { message -> UInt32? in
            guard case .channelData(let recipient, _) = message else { return nil }
            return recipient
        }
        #expect(recipients == [7, 8, 7, 8, 7, 8])
    }

    @Test("a write that is taken back is not sent")
    func withdraw() {
        var machine = Self.opened(window: 10)
        _ = machine.enqueue(0, .data(Self.bytes(15), .stdout, ticket: 1))
        _ = machine.enqueue(0, .eof)
        #expect(machine.drain().dataSizes == [10])
        machine.withdraw(0, ticket: 1)
        #expect(machine.drain() == [.channelEOF(recipient: 7)])
        #expect(machine.takeSettledWrites().isEmpty)
    }

    // MARK: - Closing

    @Test("CLOSE is answered with CLOSE, what was queued is dropped and its writers are told")
    func closedByClient() {
        var machine = Self.opened(window: 0)
        _ = machine.enqueue(0, .data(Self.bytes(5), .stdout, ticket: 4))
        #expect(machine.received(.channelClose(recipient: 0)) == .closed(0))
        #expect(machine.drain() == [.channelClose(recipient: 7)])
        #expect(machine.takeSettledWrites() == [SettledWrite(ticket: 4, taken: false)])
        #expect(machine.channelCount == 0)
        #expect(machine.received(.channelClose(recipient: 0)).isViolation)
    }

    @Test("after our CLOSE the client's data and requests are swallowed until its own")
    func closedByUs() {
        var machine = Self.opened()
        _ = machine.enqueue(0, .close)
        #expect(machine.drain() == [.channelClose(recipient: 7)])
        #expect(machine.received(.channelData(recipient: 0, bytes: Self.bytes(9))) == .nothing)
        #expect(machine.received(Self.request("shell")) == .nothing)
        #expect(machine.received(.channelWindowAdjust(recipient: 0, count: 5)) == .nothing)
        #expect(machine.received(.channelClose(recipient: 0)) == .closed(0))
        #expect(machine.drain().isEmpty)
    }

    // MARK: - Requests

    @Test("requests are answered in order, and only where an answer is wanted")
    func requests() {
        var machine = Self.opened()
        let wanted = [true, false, true]
        for wantsReply in wanted {
            let message = Self.request("env", wantsReply: wantsReply)
            #expect(
                machine.received(message)
                    == .request(0, ChannelRequest(type: "env", wantsReply: wantsReply))
            )
        }
        machine.answerRequest(0, success: true)
        machine.answerRequest(0, success: true)
        machine.answerRequest(0, success: false)
        machine.answerRequest(0, success: true)
        #expect(
            machine.drain() == [.channelSuccess(recipient: 7), .channelFailure(recipient: 7)]
        )
    }

    @Test("requests that are not answered are bounded")
    func requestFlood() {
        var machine = Self.opened(limits: ConnectionLimits(pendingRequestsPerChannel: 4))
        for _ in 0..<4 { #expect(!machine.received(Self.request("env")).isViolation) }
        #expect(machine.received(Self.request("env")).isViolation)
    }

    @Test("replies that cannot be sent are bounded")
    func replyFlood() {
        var machine = Self.opened(limits: ConnectionLimits(queuedReplies: 10))
        let keepalive = ConnectionMessage.globalRequest(
            type: "keepalive@openssh.com",
            wantsReply: true,
            payload: ByteBuffer()
        )
        for _ in 0...10 { #expect(machine.received(keepalive) == .nothing) }
        #expect(machine.received(keepalive).isViolation)
    }

    @Test("a keepalive is answered at once, but not before an older request")
    func globalOrder() {
        var machine = ConnectionMachine(role: .server)
        let keepalive = ConnectionMessage.globalRequest(
            type: "keepalive@openssh.com",
            wantsReply: true,
            payload: ByteBuffer()
        )
        #expect(machine.received(keepalive) == .nothing)
        #expect(machine.drain() == [.requestFailure])
        let forward = GlobalRequest(
            type: "tcpip-forward",
            payload: ByteBuffer(),
            wantsReply: true
        )
        let quiet = GlobalRequest(type: "other", payload: ByteBuffer(), wantsReply: false)
        #expect(machine.received(.global(forward)) == .globalRequest(forward))
        #expect(machine.received(.global(quiet)) == .globalRequest(quiet))
        #expect(machine.received(keepalive) == .nothing)
        #expect(machine.drain().isEmpty)
        machine.answerGlobalRequest(.success(Self.bytes(4)))
        #expect(machine.drain() == [.requestSuccess(payload: Self.bytes(4))])
        machine.answerGlobalRequest(.failure)
        #expect(machine.drain() == [.requestFailure])
    }

    @Test("answers of the client to our requests are matched; others are ignored")
    func ownRequests() {
        var machine = Self.opened()
        #expect(machine.received(.requestFailure) == .nothing)
        #expect(machine.received(.channelSuccess(recipient: 0)) == .nothing)
        machine.sendGlobalRequest(
            GlobalRequest(type: "keepalive@openssh.com", payload: ByteBuffer(), wantsReply: true)
        )
        #expect(machine.drain().count == 1)
        #expect(machine.received(.requestFailure) == .globalAnswered(.failure))
        #expect(machine.received(.requestFailure) == .nothing)
    }

    // MARK: - The client's side

    @Test("a client opens, asks and learns the answers")
    func client() {
        var machine = ConnectionMachine(role: .client)
        #expect(machine.open(type: "session") == 0)
        #expect(machine.drain().count == 1)
        let confirmation = ChannelOpenConfirmation(
            recipient: 0,
            sender: 3,
            window: 10,
            maximumPacket: 10
        )
        #expect(machine.received(.channelOpenConfirmation(confirmation)) == .opened(0))
        #expect(machine.received(.channelOpenConfirmation(confirmation)).isViolation)
        #expect(machine.sendRequest(0, ChannelRequest(type: "shell", wantsReply: true)) == true)
        #expect(
            machine.received(.channelSuccess(recipient: 0)) == .requestAnswered(0, success: true)
        )
        #expect(machine.open(type: "session") == 1)
        #expect(
            machine.received(.channelOpenFailure(recipient: 1, reason: 4, text: "full"))
                == .openRefused(1, reason: 4, text: "full")
        )
        guard case .unsupportedOpen = machine.received(.channelOpen(.session())) else {
            Issue.record("a client must not accept sessions")
            return
        }
    }
}
