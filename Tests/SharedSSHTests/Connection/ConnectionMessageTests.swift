import NIOCore
import Testing

@testable import SharedSSH

@Suite("Messages of the connection protocol")
struct ConnectionMessageTests {
    static let all: [ConnectionMessage] =
        ConnectionMachineTests.onChannel9 + [
            .globalRequest(type: "x", wantsReply: true, payload: ByteBuffer(string: "abc")),
            .requestSuccess(payload: ByteBuffer(bytes: [1, 2])), .requestFailure,
            .channelOpen(.session()),
        ]

    @Test("every message survives being written and read", arguments: all)
    func roundTrip(message: ConnectionMessage) {
        #expect(ConnectionMessage(parsing: message.payload) == message)
    }

    @Test("a message that is cut off is malformed or shorter, never a trap", arguments: all)
    func truncation(message: ConnectionMessage) throws {
        let whole = message.payload
        // Some servers leave out the language at the end of an open failure; nobody needs it.
        var optional = 0
        if case .channelOpenFailure = message { optional = 4 }
        for length in 0..<whole.readableBytes - optional {
            let part = try #require(whole.getSlice(at: 0, length: length))
            #expect(ConnectionMessage(parsing: part) != message)
        }
    }

    @Test("window-change has the bytes of RFC 4254 §6.7")
    func windowChange() {
        let size = WindowSize(columns: 80, rows: 24, pixelWidth: 640, pixelHeight: 480)
        let wire = SessionRequest.windowChange(size).wire(wantsReply: false)
        #expect(
            [UInt8](wire.payload.readableBytesView)
                == [0, 0, 0, 80, 0, 0, 0, 24, 0, 0, 2, 128, 0, 0, 1, 224]
        )
        #expect(SessionRequest(wire) == .windowChange(size))
    }

    static let requests: [SessionRequest] = [
        .environment(name: "LANG", value: "C"), .shell, .exec(command: "ls -l"),
        .subsystem(name: "sftp"), .signal(name: "TERM"),
        .environment(name: "LC_NAME", value: RawText([0x6A, 0xF6, 0xFF])),
        .exec(command: RawText([0x6C, 0x73, 0x20, 0xE4, 0x00])),
        .x11(
            X11Request(
                isSingleConnection: true,
                protocolName: "MIT-MAGIC-COOKIE-1",
                cookie: "00ff",
                screen: 1
            )
        ), .agentForwarding, .breakSignal(milliseconds: 500), .endOfWrite,
        .pty(PTYRequest(term: "xterm", size: WindowSize(columns: 1, rows: 2), modes: [0])),
    ]

    @Test("every session request survives being written and read", arguments: requests)
    func requestRoundTrip(request: SessionRequest) {
        #expect(SessionRequest(request.wire(wantsReply: true)) == request)
    }

    @Test("a known request with bytes too many or too few is malformed", arguments: requests)
    func malformedRequest(request: SessionRequest) {
        var long = request.wire(wantsReply: true)
        long.payload.writeInteger(UInt8(0))
        #expect(SessionRequest(long) == .malformed(type: long.type, payload: long.payload))
        var short = request.wire(wantsReply: true)
        guard short.payload.readableBytes > 0 else { return }
        short.payload.moveWriterIndex(to: short.payload.writerIndex - 1)
        #expect(SessionRequest(short) == .malformed(type: short.type, payload: short.payload))
    }

    @Test(
        "every way to end survives being written and read",
        arguments: [
            ProgramExit.status(0), .status(.max),
            .signal(name: "KILL", coreDumped: true, message: "out of memory"),
        ]
    )
    func exit(exit: ProgramExit) {
        #expect(ProgramExit(exit.wire) == exit)
    }

    @Test("no sequence of messages traps the machine", arguments: [1, 2, 3, 4])
    func fuzz(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let seeds = Self.seeds
        let deadline = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < deadline {
            var machine = ConnectionMachine(
                role: seed.isMultiple(of: 2) ? .client : .server,
                limits: ConnectionLimits(window: 500, maximumPacket: 50, channels: 4)
            )
            if seed.isMultiple(of: 2) { _ = machine.open(type: "session") }
            for _ in 0..<60 {
                step(&machine, machine.received(random.mutated(seeds)), &random)
            }
        }
    }

    /// Messages for channels 0 to 2, so that many of them hit one.
    static let seeds: [ByteBuffer] = (UInt32(0)..<3).flatMap { number in
        [
            ConnectionMessage.channelWindowAdjust(recipient: number, count: 100),
            .channelData(recipient: number, bytes: ByteBuffer(string: "hello")),
            .channelExtendedData(recipient: number, type: 1, bytes: ByteBuffer(string: "x")),
            .channelEOF(recipient: number), .channelClose(recipient: number),
            .channelRequest(recipient: number, ChannelRequest(type: "shell", wantsReply: true)),
            .channelSuccess(recipient: number),
            .channelOpen(.session(sender: number, window: 20, maximumPacket: 3)),
            .channelOpenConfirmation(
                ChannelOpenConfirmation(
                    recipient: number,
                    sender: 5,
                    window: 9,
                    maximumPacket: 2
                )
            ),
            .globalRequest(type: "keepalive@openssh.com", wantsReply: true, payload: ByteBuffer()),
            .globalRequest(type: "tcpip-forward", wantsReply: true, payload: ByteBuffer()),
        ].map(\.payload) + forwardSeeds(number)
    }

    private static func forwardSeeds(_ number: UInt32) -> [ByteBuffer] {
        ForwardWireTests.openings.map { opening in
            var open = ChannelOpen.session(sender: number)
            open.type = opening.type
            open.payload = opening.payload
            return ConnectionMessage.channelOpen(open).payload
        }
    }

    private func step(
        _ machine: inout ConnectionMachine,
        _ event: ConnectionEvent,
        _ random: inout SplitMix64
    ) {
        switch event {
        case .openRequested(let number, _):
            if Bool.random(using: &random) {
                _ = machine.acceptOpen(number)
            } else {
                machine.refuseOpen(number, .connectFailed, text: "no")
            }
        case .data(let number, _, let bytes):
            machine.consumed(number, bytes.readableBytes)
            _ = machine.enqueue(number, .data(bytes, .stdout, ticket: 1))
        case .request(let number, _):
            machine.answerRequest(number, success: true)
            _ = machine.enqueue(number, .exit(.status(0)))
            if Bool.random(using: &random) { _ = machine.enqueue(number, .close) }
        case .globalRequest: machine.answerGlobalRequest(.failure)
        case .unsupportedOpen, .malformedOpen: machine.acknowledgeRefusedOpen()
        default: break
        }
        while machine.nextOutgoing(dataAllowed: Bool.random(using: &random)) != nil {}
        _ = machine.takeSettledWrites()
    }
}
