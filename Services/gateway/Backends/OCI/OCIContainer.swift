import Glibc
import GatewayCore
import GuestAgent
import Logging
import NIOCore
import SharedConfig
import SharedImages
import SharedLogging
import SharedMessages
import SharedSystem
import SharedWaiting
import Synchronization

/// A container that runs, with its agent waiting for whoever will use it.
final class OCIContainer: Sendable {
    /// What the process that runs the container has to do with this one.
    struct Streams: Sendable {
        var input: Descriptor
        var output: Descriptor
        /// What the runtime and the agent wrote to stderr; never more than a pipe holds.
        var complaints: Descriptor
    }

    let id: String
    let plan: ContainerPlan
    let runtime: OCIRuntime
    /// Settled when the runtime's process was reaped.
    let gone: Latch<Void>
    private let host: OCIHost
    private let streams: Streams
    /// Keeps the image's layers.
    private let use: ImageUse
    private let closing = Mutex<Task<Void, Never>?>(nil)
    /// How often somebody was told that memory ran out.
    private let told = Mutex(0)

    init(
        id: String,
        plan: ContainerPlan,
        runtime: OCIRuntime,
        use: ImageUse,
        streams: Streams,
        gone: Latch<Void>,
        host: OCIHost
    ) {
        self.id = id
        self.plan = plan
        self.runtime = runtime
        self.use = use
        self.streams = streams
        self.gone = gone
        self.host = host
    }

    var isRunning: Bool { !gone.isSettled }

    /// Greets the agent; when that fails the container is gone.
    func connect(on loop: any EventLoop, logger: Logger) async throws -> AgentLink {
        let began = ContinuousClock.now
        do {
            return try await link(on: loop, logger)
        } catch {
            await discard()
            if error is CancellationError || Task.isCancelled { throw CancellationError() }
            let complaint = complaint
            if complaint.isEmpty, ContinuousClock.now - began >= plan.config.timeouts.start {
                throw CodedError(.ociStartTimeout, cause: error)
            }
            throw CodedError(
                .ociStartFailed,
                detail: complaint.isEmpty ? "ended without a word" : complaint,
                cause: error
            )
        }
    }

    private func link(on loop: any EventLoop, _ logger: Logger) async throws -> AgentLink {
        let transport = try await PipeTransport.open(
            input: streams.input.take(),
            output: streams.output.take(),
            on: loop
        )
        let options = AgentLinkOptions(
            helloTimeout: plan.config.timeouts.start,
            network: plan.config.network == .host ? .gateway : .workspace,
            dialTimeout: plan.config.timeouts.commandStart,
            reason: { [weak self] in self?.reason(logger) }
        )
        return try await AgentLink.open(
            over: transport,
            on: loop,
            options: options,
            logger: logger
        )
    }

    /// Why a program was killed, if that is known.
    private func reason(_ logger: Logger) -> CodedError? {
        let count = host.memoryKills(id)
        let isNews = told.withLock { told in
            defer { told = count }
            return count > told
        }
        guard isNews else { return nil }
        let error = CodedError(.containerOutOfMemory)
        logger.emit(error, ["container": "\(id)"])
        return error
    }

    /// Ends it and everything in it; the agent's streams are closed here or by its link.
    ///
    /// Bounded by the stop timeout, runs to its end even when cancelled, harmless when repeated.
    func discard() async {
        let task = closing.withLock { closing in
            let task = closing ?? Task { await self.finish() }
            closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        let limit = plan.config.timeouts.stop / 2
        streams.input.close()
        streams.output.close()
        if await !isGone(within: limit) {
            _ = await host.end(id, runtime, within: limit)
            if await !isGone(within: limit) { return host.abandon(self) }
        }
        if await host.end(id, runtime, within: limit) {
            host.logger.emit(.ociClosed, ["container": "\(id)"])
        } else {
            host.abandon(self)
        }
    }

    private func isGone(within limit: Duration) async -> Bool {
        do {
            try await gone.value(within: limit, late: CancellationError())
            return true
        } catch {
            return false
        }
    }

    private var complaint: String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(streams.complaints.number, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}
