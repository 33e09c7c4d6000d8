import NIOCore
import NIOPosix
import SharedSSH
import SharedSystem

/// The gateway's ends of a program's pipes or terminal, as channels on the connection's loop.
struct ProgramStreams: Sendable {
    let output: OutputQueue
    /// Takes what goes to the program's input.
    let input: any Channel
    private let outputs: [any Channel]

    /// What the kernel may hold of each pipe.
    static let pipeCapacity: Int32 = 256 << 10
    private static let longestRead = 256 << 10

    /// Over three pipes.
    static func pipes(
        input: Descriptor,
        output: Descriptor,
        errors: Descriptor,
        on loop: any EventLoop
    ) async throws -> ProgramStreams {
        let queue = OutputQueue(on: loop)
        let out = try await reading(output, .stdout, queue, on: loop)
        do {
            let err = try await reading(errors, .stderr, queue, on: loop)
            let sink = try await owning(input) {
                try await bootstrap(on: loop, nil).takingOwnershipOfDescriptor(output: $0).get()
            }
            return ProgramStreams(output: queue, input: sink, outputs: [out, err])
        } catch {
            out.close(promise: nil)
            throw error
        }
    }

    /// Over a terminal's master; both directions end together.
    static func terminal(
        _ master: Descriptor,
        on loop: any EventLoop
    ) async throws -> ProgramStreams {
        let queue = OutputQueue(on: loop)
        let input = try master.duplicate()
        let channel = try await owning(try master.duplicate()) { output in
            try await owning(input) { input in
                try await bootstrap(on: loop, (.stdout, queue))
                    .takingOwnershipOfDescriptors(input: input, output: output).get()
            }
        }
        return ProgramStreams(output: queue, input: channel, outputs: [])
    }

    /// Ends both directions at once; what was not read is lost.
    func close() async {
        await closeOutputs()
        try? await input.close().get()  // Closed already: as wanted.
    }

    /// Takes nothing more: a program that goes on writing gets SIGPIPE.
    func closeOutputs() async {
        for channel in outputs {
            try? await channel.close().get()  // Closed already: as wanted.
        }
    }

    private static func reading(
        _ descriptor: Descriptor,
        _ stream: OutputStream,
        _ queue: OutputQueue,
        on loop: any EventLoop
    ) async throws -> any Channel {
        try await owning(descriptor) {
            try await bootstrap(on: loop, (stream, queue))
                .takingOwnershipOfDescriptor(input: $0).get()
        }
    }

    /// Hands a descriptor over to a channel; one that no channel took is closed.
    private static func owning(
        _ descriptor: Descriptor,
        _ body: (Int32) async throws -> any Channel
    ) async throws -> any Channel {
        let number = descriptor.take()
        do {
            return try await body(number)
        } catch {
            Descriptor(number).close()
            throw error
        }
    }

    private static func bootstrap(
        on loop: any EventLoop,
        _ target: (stream: OutputStream, queue: OutputQueue)?
    ) -> NIOPipeBootstrap {
        NIOPipeBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 4 << 10,
                    initial: 16 << 10,
                    maximum: longestRead
                )
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let target else { return }
                    target.queue.add(target.stream, channel)
                    try channel.pipeline.syncOperations.addHandler(
                        OutputHandler(stream: target.stream, queue: target.queue)
                    )
                }
            }
    }
}
