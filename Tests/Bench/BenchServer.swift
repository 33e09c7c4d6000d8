import NIOCore
import SharedSSH

/// Lets everyone in and runs programs inside the process: `cat-inside` echoes, `sink` says "ready"
/// and, at the end of its input, "done", and `zeros N` says "ready" and waits for any byte.
final class BenchHandler: ServerConnectionHandler {
    func handshakeCompleted(_ handshake: HandshakeFacts) async {}

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        switch attempt.method {
        case .publicKey, .publicKeyProbe, .password: .accepted
        default: .refused(methods: ["publickey"])
        }
    }

    func authenticated(as username: String) async throws {}

    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        .accepted(BenchSession(channel))
    }

    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        .refused(.administrativelyProhibited, text: "not here")
    }

    func listen(_ address: ForwardAddress) async -> ListenReply { .refused(text: "not here") }

    func cancelListen(_ address: ForwardAddress) async -> Bool { false }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }

    func unsupportedChannel(type: String) async {}

    func malformed(_ request: MalformedRequest) async {}

    func disconnected(_ end: ConnectionEnd) async {}
}

/// One session, which runs one program on the connection's loop.
actor BenchSession: SessionHandler {
    private nonisolated let channel: any SessionChannel
    private var program: Task<Void, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The channel, which this actor holds, keeps the loop alive.
        unsafe channel.eventLoop.executor.asUnownedSerialExecutor()
    }

    init(_ channel: any SessionChannel) {
        self.channel = channel
    }

    func handle(_ request: SessionRequest) async -> Bool {
        guard case .exec(let command) = request, program == nil else { return false }
        program = Task(executorPreference: LoopTaskExecutor(channel.eventLoop)) {
            await self.run(command.text)
        }
        return true
    }

    func closed() async {
        program?.cancel()
        await program?.value
    }

    private func run(_ command: String) async {
        // A program that is cut off has nobody left to tell.
        try? await perform(command)
        await channel.sendEOF()
        await channel.sendExit(.status(0))
        await channel.close()
    }

    private func perform(_ command: String) async throws {
        switch command {
        case "cat-inside":
            while let bytes = try await channel.read() {
                try await channel.write(bytes, to: .stdout)
            }
        case "sink":
            try await say("ready\n")
            while try await channel.read() != nil {}
            try await say("done\n")
        default:
            try await say("ready\n")
            guard try await channel.read() != nil else { return }
            try await zeros(command.split(separator: " ").last.flatMap { Int($0) } ?? 0)
        }
    }

    private func zeros(_ count: Int) async throws {
        let zeros = ByteBuffer(repeating: 0, count: 128 << 10)
        var left = count
        while left > 0, let piece = zeros.getSlice(at: 0, length: min(left, zeros.readableBytes)) {
            try await channel.write(piece, to: .stdout)
            left -= piece.readableBytes
        }
    }

    private func say(_ line: String) async throws {
        try await channel.write(ByteBuffer(string: line), to: .stdout)
    }
}
