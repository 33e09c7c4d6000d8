import GatewayCore
import NIOCore
import NIOPosix
import SharedMessages
import SharedSSH
import SharedWaiting
import Testing

@testable import GuestAgent

private func frame(_ kind: UInt8, _ id: UInt32, _ body: [UInt8] = []) -> [UInt8] {
    var writer = FrameWriter(kind, id)
    writer.raw(body)
    return writer.frame.map { Array($0.readableBytesView) } ?? []
}

private let hello = frame(
    FrameKind.hello,
    0,
    FrameLimits.magic + [0, 1, 0, 0x20, 0, 0, 0, 0, 0, 1]
)

@Suite struct HostileAgentTests {
    private func link(_ transport: ScriptedTransport) async throws -> AgentLink {
        transport.say(hello)
        return try await AgentLink.open(
            over: transport,
            on: MultiThreadedEventLoopGroup.singleton.next(),
            options: AgentLinkOptions(helloTimeout: .seconds(20)),
            logger: AgentProcess.silent
        )
    }

    static let violations: [[UInt8]] = [
        [0, 0, 0, 4, 1, 0, 0, 0],
        [0xFF, 0xFF, 0xFF, 0xFF, 32, 0, 0, 0, 2, 0],
        frame(99, 2),
        hello,
        frame(FrameKind.started, 4, [0, 0, 0, 1]),
        frame(FrameKind.started, 2, [0, 0]),
        frame(FrameKind.started, 2, [0, 0, 0, 1, 0]),
        frame(FrameKind.opened, 2),
        frame(FrameKind.exited, 2, [0, 0, 0, 0, 0]),
        frame(FrameKind.data, 2, [1, 65]),
        frame(FrameKind.data, 3, [0, 65]),
        frame(FrameKind.data, 2, [1]),
        frame(FrameKind.close, 2),
        frame(FrameKind.end, 2, [1]),
        frame(FrameKind.window, 2, [1, 0, 0, 0, 1]),
        frame(FrameKind.window, 2, [0, 0xFF, 0xFF, 0xFF, 0xFF]),
        frame(FrameKind.accepted, 3, [0, 0, 0, 9, 0, 0, 0, 0, 0, 0]),
        frame(FrameKind.ping, 0, [UInt8](repeating: 0, count: 65)),
        frame(FrameKind.failed, 2, [0, 0, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF]),
        frame(FrameKind.input, 2, [0, 0, 0, 0, 1]),
        frame(FrameKind.input, 2, [2, 0, 0, 0, 1]),
        frame(FrameKind.input, 2, [0, 0, 0, 0, 0]),
    ]

    @Test("what the protocol does not allow ends everything with a code", arguments: violations)
    func violation(_ bytes: [UInt8]) async throws {
        let transport = ScriptedTransport()
        let link = try await link(transport)
        let starting = Task { try await link.start(AgentProgram(file: "x", arguments: ["x"])) }
        // Not before the id was given.
        while link.usedIDs == 0 { await Task.yield() }
        transport.say(bytes)
        let error = await #expect(throws: CodedError.self) { _ = try await starting.value }
        #expect(error?.code == .agentViolation)
        #expect(error?.personText != nil)
        guard case .violation = try await link.waitForEnd() else {
            Issue.record("the link ends with a violation")
            return
        }
        await #expect(throws: CodedError.self) {
            _ = try await link.start(AgentProgram(file: "x", arguments: ["x"]))
        }
        await link.close()
    }

    @Test("INPUT is asked for where the agent knows it, and never about more than was sent")
    func input() throws {
        for version: UInt8 in [1, 2] {
            var machine = AgentMachine()
            var greeting = hello
            greeting[9 + FrameLimits.magic.count + 1] = version
            try machine.receive(ByteBuffer(bytes: greeting))
            let id = try machine.claim(.program(hasTerminal: true))
            machine.items[id]?.untold = machine.canTellInput ? 0 : nil
            #expect(machine.canTellInput == (version == 2))
            try machine.receive(ByteBuffer(bytes: frame(FrameKind.started, id, [0, 0, 0, 1])))
            _ = try machine.send(ByteBuffer(string: "ab"), to: id)
            let told = ByteBuffer(bytes: frame(FrameKind.input, id, [1, 0, 0, 0, 2]))
            guard version == 2 else {
                #expect(throws: AgentFault.self) { try machine.receive(told) }
                continue
            }
            try machine.receive(told)
            #expect(machine.takePiece(id)?.input == TypedInput(count: 2, isHidden: true))
            #expect(throws: AgentFault.self) { try machine.receive(told) }
        }
    }

    @Test("an output that nobody reads does not fill up with what the terminal tells")
    func unreadInput() throws {
        var queue = ReceiveQueue(channels: [1])
        for number in 0..<10_000 {
            queue.note(TypedInput(count: 1, isHidden: number % 2 == 1))
            let isTaken = queue.receive(ByteBuffer(string: "x"), 1)
            #expect(isTaken)
        }
        var (notes, bytes, text) = (0, 0, 0)
        while let piece = queue.take() {
            notes += piece.input == nil ? 0 : 1
            bytes += piece.input?.count ?? 0
            text += piece.bytes.readableBytes
        }
        #expect(notes == 4097)
        #expect(bytes == 10_000 && text == 10_000)
    }

    @Test("no bytes at all trap, wherever they are cut")
    func garbage() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            var machine = AgentMachine()
            try machine.receive(ByteBuffer(bytes: hello))
            _ = try machine.claim(.program(hasTerminal: false))
            _ = try machine.claim(.listener)
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let kinds: [UInt8] = [1, 2, 3, 4, 17, 18, 19, 32, 33, 34, 35, 49, 51, 52, 65, 99]
                let body = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                    UInt8.random(in: 0...3, using: &random)
                }
                bytes += frame(
                    kinds.randomElement(using: &random) ?? 1,
                    UInt32.random(in: 0...6, using: &random),
                    body
                )
            }
            do {
                while !bytes.isEmpty {
                    let count = Int.random(in: 1...bytes.count, using: &random)
                    try machine.receive(ByteBuffer(bytes: bytes.prefix(count)))
                    bytes.removeFirst(count)
                }
            } catch {
                // Refused, which is all that can happen.
                continue
            }
        }
    }

    @Test("more than the window is a violation, and a few bytes at a time hold little memory")
    func window() throws {
        var queue = ReceiveQueue(channels: [1, 2])
        var isTaken = true
        let few = ByteBuffer(repeating: 7, count: 16)
        for _ in 0..<(ReceiveQueue.window / 16) { isTaken = queue.receive(few, 1) && isTaken }
        let isMoreTaken = queue.receive(ByteBuffer(bytes: [7]), 1)
        let isOtherTaken = queue.receive(ByteBuffer(bytes: [8]), 2)
        #expect(isTaken && !isMoreTaken && isOtherTaken)
        var (pieces, count) = (0, 0)
        while let piece = queue.take() {
            pieces += 1
            count += piece.bytes.readableBytes
        }
        #expect(count == ReceiveQueue.window + 1)
        #expect(pieces < 64)
        let due = queue.dueWindows().map(\.count)
        #expect(due == [UInt32(ReceiveQueue.window)])
    }

    @Test("a greeting that does not come, or not in our version, has a code")
    func greetings() async throws {
        let version0 = frame(
            FrameKind.hello,
            0,
            FrameLimits.magic + [0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1]
        )
        for words in [[], version0, [0, 0, 0, 0, 0]] {
            let transport = ScriptedTransport()
            if !words.isEmpty { transport.say(words) }
            let error = await #expect(throws: CodedError.self) {
                _ = try await AgentLink.open(
                    over: transport,
                    on: MultiThreadedEventLoopGroup.singleton.next(),
                    options: AgentLinkOptions(helloTimeout: .milliseconds(300)),
                    logger: AgentProcess.silent
                )
            }
            #expect(error?.code == .agentHelloFailed)
        }
    }

    @Test("an agent that says nothing more is given up")
    func silence() async throws {
        let transport = ScriptedTransport()
        transport.say(hello)
        let link = try await AgentLink.open(
            over: transport,
            on: MultiThreadedEventLoopGroup.singleton.next(),
            options: AgentLinkOptions(pulse: .milliseconds(50)),
            logger: AgentProcess.silent
        )
        #expect(try await link.waitForEnd() == .silent)
        await link.close()
    }

    @Test("a start that nobody waits for any more is closed")
    func cancelledStart() async throws {
        let transport = ScriptedTransport()
        let link = try await link(transport)
        let starting = Task { try await link.start(AgentProgram(file: "x", arguments: ["x"])) }
        while link.usedIDs == 0 { await Task.yield() }
        starting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await starting.value }
        // It had started all the same; killed by our CLOSE, its end comes and all is forgotten.
        transport.say(
            frame(FrameKind.started, 2, [0, 0, 0, 9])
                + frame(FrameKind.exited, 2, [1, 0, 0, 0, 9]) + frame(FrameKind.close, 2)
        )
        while link.usedIDs != 0 { await Task.yield() }
        await link.close()
    }
}
