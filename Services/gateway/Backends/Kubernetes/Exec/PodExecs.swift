import GatewayCore
import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// Starts programs in a pod by the cluster's own exec.
struct PodExecs: Sendable {
    /// A program that has been started.
    struct Started: Sendable {
        let stream: PodStream
        /// Inside the container; `nil` where nobody could tell.
        let process: Int?
        /// Output that came along with the process id.
        let first: [PodStream.Piece]
        let hasTerminal: Bool
    }

    struct Finished: Sendable {
        let status: Int
        /// Both streams, as far as it is of use in a message.
        let output: String
    }

    let client: ClusterClient
    let pod: Pod
    let container: String
    let config: KubernetesConfig
    let loop: any EventLoop
    let logger: Logger

    private static let longestReport = 500
    /// Our line comes within milliseconds; nobody says so much until then.
    private static let mostHeld = 4 << 20

    private func open(_ command: [String], hasTerminal: Bool = false) async throws -> PodStream {
        logger.emit(.kubernetesExec)
        return try await coded(.kubernetesExecFailed) {
            try await client.open(
                PodExec(container: container, command: command, hasTerminal: hasTerminal),
                in: pod.name,
                namespace: pod.namespace,
                on: loop
            )
        }
    }

    // MARK: - Programs

    /// Starts the program and waits until it runs, or its shell has said why not. In a container
    /// without a shell `command` runs as it is, and nobody knows its process.
    func start(
        _ command: [String],
        environment: [String],
        terminal: WindowSize?
    ) async throws -> Started {
        try await within(
            config.timeouts.commandStart,
            late: CodedError(.kubernetesExecFailed, detail: "not started in time"),
            discard: { await $0.stream.close() },
            {
                try await self.begin(command, environment: environment, terminal: terminal)
            }
        )
    }

    private func begin(
        _ command: [String],
        environment: [String],
        terminal: WindowSize?
    ) async throws -> Started {
        let script = PodScripts.program(command, environment: environment, terminal: terminal)
        let stream = try await open(script, hasTerminal: terminal != nil)
        do {
            if let terminal {
                try await stream.resize(columns: terminal.columns, rows: terminal.rows)
            }
            let (process, first) = try await processLine(stream)
            logger.emit(.kubernetesPidReceived, ["pid": "\(process)"])
            return Started(
                stream: stream,
                process: process,
                first: first,
                hasTerminal: terminal != nil
            )
        } catch is NoShell {
            await stream.close()
            let plain = try await open(command, hasTerminal: terminal != nil)
            return Started(
                stream: plain,
                process: nil,
                first: [],
                hasTerminal: terminal != nil
            )
        } catch {
            await stream.close()
            throw CodedError.of(error, .kubernetesExecFailed)
        }
    }

    private struct NoShell: Error {}

    /// What the program says on its other stream may overtake our line.
    private func processLine(_ stream: PodStream) async throws -> (Int, [PodStream.Piece]) {
        var line = ProcessLine()
        var errors: [PodStream.Piece] = []
        var heldBytes = 0
        while let piece = try await stream.next(), heldBytes < Self.mostHeld {
            guard piece.output == .stdout else {
                errors.append(piece)
                heldBytes += piece.bytes.readableBytes
                continue
            }
            switch line.take(piece.bytes.readableBytesView) {
            case .unfinished: continue
            case .foreign(let text): throw CodedError(.kubernetesExecFailed, detail: text)
            case .process(let process, let rest):
                guard !rest.isEmpty else { return (process, errors) }
                return (process, errors + [(.stdout, ByteBuffer(bytes: rest))])
            }
        }
        if case .failed(_, let message)? = try? await stream.status.value() {
            guard !message.contains("no such file") else { throw NoShell() }
            throw CodedError(.kubernetesExecFailed, detail: message)
        }
        let said = errors.map { String(buffer: $0.bytes) }.joined().prefix(Self.longestReport)
        throw CodedError(.kubernetesExecFailed, detail: line.text + said)
    }

    // MARK: - Our own commands

    /// Runs a short command of our own to its end.
    func run(_ command: [String], input: ByteBuffer = ByteBuffer()) async throws -> Finished {
        try await within(
            config.timeouts.commandStart,
            late: CodedError(.kubernetesExecFailed, detail: "not done in time"),
            {
                let stream = try await self.open(command)
                do {
                    let result = try await coded(.kubernetesExecFailed) {
                        try await Self.exchange(stream, input)
                    }
                    await stream.close()
                    return result
                } catch {
                    await stream.close()
                    throw error
                }
            }
        )
    }

    private static func exchange(
        _ stream: PodStream,
        _ input: ByteBuffer
    ) async throws -> Finished {
        async let written: Void = feed(stream, input)
        var output = ByteBuffer()
        while let piece = try await stream.next() {
            guard output.readableBytes < longestReport else { continue }
            output.writeImmutableBuffer(piece.bytes)
        }
        await written
        let text = String(decoding: output.readableBytesView.prefix(longestReport), as: UTF8.self)
        switch try await stream.status.value() {
        case .exited(let status): return Finished(status: status, output: text)
        case .failed(_, let message): return Finished(status: 126, output: text + message)
        }
    }

    private static func feed(_ stream: PodStream, _ input: ByteBuffer) async {
        // A command that stops reading says why by its status.
        if input.readableBytes > 0 { try? await stream.send([input]).get() }
        _ = try? await stream.closeInput()
    }

    /// Sends a signal to a program's process group.
    func signal(_ name: String, process: Int) async throws {
        let result = try await within(
            config.timeouts.signal,
            late: CodedError(.kubernetesExecSignalFailed, detail: "not delivered in time"),
            { try await run(PodScripts.signal(name, process: process)) }
        )
        guard result.status == 0 else {
            // No shell any more, or no kill: only an agent could do it (exit status of a command
            // that cannot be executed, POSIX XCU 2.8.2).
            let isPossible = result.status != 126 && result.status != 127
            throw CodedError(
                isPossible ? .kubernetesExecSignalFailed : .kubernetesExecSignalFailedNoAgent,
                detail: result.output
            )
        }
    }
}
