package import NIOCore

/// A channel of a client: a session (RFC 4254 §6), or a connection that is forwarded.
package final class SSHClientSession: Sendable {
    /// What a program wrote.
    package struct Output: Sendable, Hashable {
        package var stream: OutputStream
        package var bytes: ByteBuffer
    }

    let number: UInt32
    private let client: SSHClient

    init(number: UInt32, client: SSHClient) {
        self.number = number
        self.client = client
    }

    deinit {
        let (number, client) = (number, client)
        client.eventLoop.execute { client.assumeIsolated { $0.forget(number) } }
    }

    /// Sends a request and returns whether the server accepted it.
    ///
    /// Without `wantsReply` it returns `true` once sent.
    @discardableResult
    package func request(
        _ request: SessionRequest,
        wantsReply: Bool = true
    ) async throws -> Bool {
        try await client.request(number, request.wire(wantsReply: wantsReply))
    }

    /// The next output; `nil` when the server has said that none follows.
    ///
    /// - Throws: `ChannelClosed` when the channel closed without that.
    package func read() async throws -> Output? {
        try await client.readPart(number).map { Output(stream: $0.stream, bytes: $0.bytes) }
    }

    /// Sends input; returns once window and socket have taken it.
    package func write(_ bytes: ByteBuffer) async throws {
        try await client.writeBytes(number, bytes, .stdout)
    }

    package func sendEOF() async {
        await client.enqueue(number, .eof)
    }

    package func close() async {
        await client.enqueue(number, .close)
    }

    /// Waits until the channel is closed; how the program ended, if the server has said it.
    package func exit() async -> ProgramExit? {
        await client.exit(number)
    }

    /// Whether the server has said that nobody reads the input any more (OpenSSH's PROTOCOL §2.1).
    package func wasToldEndOfWrite() async -> Bool { await client.wasToldEndOfWrite(number) }

    /// Everything the program writes until it ends.
    package func collect() async throws -> (stdout: ByteBuffer, stderr: ByteBuffer) {
        var stdout = ByteBuffer()
        var stderr = ByteBuffer()
        while let output = try await read() {
            switch output.stream {
            case .stdout: stdout.writeImmutableBuffer(output.bytes)
            case .stderr: stderr.writeImmutableBuffer(output.bytes)
            }
        }
        return (stdout, stderr)
    }
}
