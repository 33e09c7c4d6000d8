package import Logging
import Metrics
package import NIOCore
import ServiceLifecycle
import SharedAudit
package import SharedHTTP
package import SharedMessages
import SharedLogging
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Hands all recordings of a gateway to auditd.
///
/// A service: nothing is sent before `run()`. Entries are taken without waiting for anything but
/// the window, encoded off the connection's loop, and sent in one request at a time which holds
/// what came of all connections while the one before was under way. When nothing is under way an
/// entry leaves at once. On graceful shutdown no new recording is accepted, and `run()` returns
/// when the last one is finished; when cancelled it gives up what is left.
package final class RecordingShipper: Recorder, Service {
    /// Makes a `POST` of all the pieces, one behind the other, and answers with the status and body.
    package typealias Transport =
        @Sendable (_ path: String, _ body: [ByteBuffer]) async throws -> (
            status: Int, body: ByteBuffer
        )

    private struct Registry {
        var recordings: [RecordingID: OutgoingRecording] = [:]
        var isDraining = false
    }

    private let options: ShipperOptions
    private let links: [AuditdLink]
    /// Where new recordings go.
    private let current: Mutex<Int>
    private let logger: Logger
    private let registry = Mutex(Registry())
    private let encodeQueue = WorkQueue()
    private let workers: [EncodeWorker]
    private let gathering = Interruption()
    private let metrics = ShipperMetrics()
    private let memory: RecordingMemory

    /// `transports` lead to one auditd each, at least one; a recording goes to one of them, and to the next
    /// when that is gone. `first` is where the first ones go.
    package init(
        options: ShipperOptions,
        logger: Logger,
        transports: [(name: String, transport: Transport)],
        first: Int = 0
    ) {
        self.options = options
        self.logger = logger
        links = transports.enumerated().map { number, way in
            AuditdLink(number, name: way.name, transport: way.transport)
        }
        current = Mutex(first % max(1, links.count))
        memory = RecordingMemory(limit: options.memory)
        workers = (0..<4).map { _ in EncodeWorker() }
    }

    package convenience init(
        options: ShipperOptions,
        logger: Logger,
        transport: @escaping Transport
    ) {
        self.init(options: options, logger: logger, transports: [("", transport)])
    }

    /// Sends through HTTP clients whose base URLs are those of the auditds.
    package convenience init(
        options: ShipperOptions,
        clients: [(name: String, client: HTTPClient)],
        first: Int = 0,
        logger: Logger
    ) {
        let limit = max(.seconds(1), options.timeout / 3)
        self.init(
            options: options,
            logger: logger,
            transports: clients.map { ($0.name, Self.transport($0.client, limit)) },
            first: first
        )
    }

    /// Sends through an HTTP client whose base URL is auditd's.
    package convenience init(options: ShipperOptions, client: HTTPClient, logger: Logger) {
        self.init(options: options, clients: [("", client)], logger: logger)
    }

    private static let shortBody = 32 << 10

    private static func transport(_ client: HTTPClient, _ limit: Duration) -> Transport {
        { path, body in
            // What is short leaves together with the request's head.
            let isShort = body.reduce(0) { $0 + $1.readableBytes } < shortBody
            let reply = try await client.send(
                HTTPCall(
                    .post,
                    path,
                    headers: ["Content-Type": RecordingRoutes.batchType],
                    body: isShort ? body.flatMap(\.readableBytesView) : [],
                    pieces: isShort ? [] : body,
                    timeLimit: .total(limit)
                )
            )
            return (reply.status, ByteBuffer(bytes: reply.body))
        }
    }

    // MARK: - Recorder

    package func openRecording(
        id: String,
        facts: RecordingFacts,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) async throws -> any RecordingHandle {
        guard let name = RecordingID(id) else {
            throw CodedError(.auditDeliveryRefused, detail: "\(id) is no connection identifier")
        }
        let recording = OutgoingRecording(
            name,
            options: options,
            facts: facts,
            link: current.withLock { $0 },
            memory: memory,
            signals: signals,
            onFailure: onFailure
        )
        let isTaken = registry.withLock { registry in
            guard !registry.isDraining, registry.recordings[name] == nil else { return false }
            registry.recordings[name] = recording
            return true
        }
        guard isTaken else { throw CodedError(.auditDeliveryShutdown) }
        mustSend(recording)
        if options.delivery == .strict { try await recording.waitUntilOpened() }
        return recording
    }

    private var signals: OutgoingRecording.Signals {
        .init(
            mustEncode: { [encodeQueue, gathering] in
                encodeQueue.add($0)
                if $1 { gathering.end() }
            },
            mustSend: { [links] in links[$0.link].queue.add($0) },
            waited: { [metrics] in metrics.waits.increment() },
            lost: { [metrics, logger] recording, isFirst in
                metrics.lostMessages.increment()
                if isFirst { logger.emit(.auditRecordingGap, recording.labels) }
            },
            now: Self.wallClock
        )
    }

    private func mustSend(_ recording: OutgoingRecording) {
        links[recording.link].queue.add(recording)
    }

    /// Nanoseconds since the Unix epoch.
    package static func wallClock() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    // MARK: - Service

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.encodeLoop() }
                for link in self.links { group.addTask { await self.sendLoop(link) } }
                group.addTask { await self.tickLoop() }
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.registry.withLock { $0.isDraining = true }
            self.endIfDrained()
        }
        let left = registry.withLock { registry in
            registry.isDraining = true
            defer { registry.recordings = [:] }
            return Array(registry.recordings.values)
        }
        for recording in left { giveUp(recording, CodedError(.auditDeliveryShutdown)) }
    }

    private func endIfDrained() {
        let isDrained = registry.withLock { $0.isDraining && $0.recordings.isEmpty }
        if isDrained { for link in links { link.queue.close() } }
    }

    private func remove(_ recording: OutgoingRecording) {
        registry.withLock { _ = $0.recordings.removeValue(forKey: recording.recordingID) }
        endIfDrained()
    }

    private func giveUp(_ recording: OutgoingRecording, _ error: CodedError) {
        guard !recording.isOver else { return }
        if recording.isStrict {
            logger.emit(error, recording.labels)
            recording.fail(error)
        } else {
            logger.emit(
                CodedError(.auditRecordingAbandoned, detail: error.code.id, cause: error),
                recording.labels
            )
            recording.abandon()
        }
        remove(recording)
    }

    // MARK: - Encoding

    private func encodeLoop() async {
        for await _ in encodeQueue.signals {
            while case let work = encodeQueue.takeAll(), !work.isEmpty {
                await encode(work)
                // What comes meanwhile is encoded together, with one wake-up, unless it is much.
                await gathering.wait(options.linger)
            }
        }
    }

    /// Spreads the work over the workers, one recording to one worker.
    private func encode(_ work: [OutgoingRecording]) async {
        guard work.count > 1 else { return work.forEach { workers[0].encode($0) } }
        await withTaskGroup(of: Void.self) { group in
            for (index, worker) in workers.enumerated() {
                let share = stride(from: index, to: work.count, by: workers.count).map { work[$0] }
                group.addTask { share.forEach { worker.encode($0) } }
            }
        }
    }

    // MARK: - Sending

    private struct Outgoing {
        var batch: RecordingBatch
        /// One per frame.
        var recordings: [OutgoingRecording]
    }

    private func sendLoop(_ link: AuditdLink) async {
        var backOff = BackOff()
        for await _ in link.queue.signals {
            while !Task.isCancelled, let outgoing = nextBatch(link) {
                await deliver(outgoing, link, &backOff)
            }
        }
    }

    private func nextBatch(_ link: AuditdLink) -> Outgoing? {
        var outgoing = Outgoing(batch: .init(gateway: options.gateway), recordings: [])
        var room = options.batchBytes
        let work = link.queue.takeAll()
        for recording in work {
            guard recording.link == link.number else {
                mustSend(recording)
                continue
            }
            if room > 0, outgoing.recordings.count < RecordingBatch.maximumFrames / 2 {
                let share = min(room, max(options.batchBytes / work.count, 64 << 10))
                let part = recording.part
                for action in recording.takeActions(limit: share) {
                    if case .append(_, let bytes) = action { room -= bytes.readableBytes }
                    outgoing.batch.frames.append(.init(part, action))
                    outgoing.recordings.append(recording)
                }
            }
            if recording.hasSomethingToSend { mustSend(recording) }
        }
        return outgoing.recordings.isEmpty && !isBeatDue(link) ? nil : outgoing
    }

    /// An auditd that has nothing of ours need not know that we live.
    private func isBeatDue(_ link: AuditdLink) -> Bool {
        guard link.isSilent(for: options.heartbeat) else { return false }
        return links.count == 1 || link.number == current.withLock { $0 }
            || registry.withLock { $0.recordings.values.contains { $0.link == link.number } }
    }

    private func deliver(
        _ outgoing: Outgoing,
        _ link: AuditdLink,
        _ backOff: inout BackOff
    ) async {
        link.noteSent()
        let start = ContinuousClock.now
        do {
            let reply = try await send(outgoing.batch, link)
            if backOff.succeeded() { logger.emit(.auditDeliveryRecovered) }
            noteInstance(reply.instance, link)
            for (index, result) in reply.results.enumerated() {
                apply(result, to: outgoing.batch.frames[index], of: outgoing.recordings[index])
            }
            // Several chunks of a recording may have been released.
            for recording in outgoing.recordings where recording.hasSomethingToSend {
                mustSend(recording)
            }
        } catch {
            let isDoubtful = !((error as? CodedError)?.wasNeverSent ?? false)
            for recording in outgoing.recordings {
                if isDoubtful { recording.doubt() }
                recording.rewind()
                mustSend(recording)
            }
            link.queue.wake()
            guard !Task.isCancelled else { return }
            metrics.failures.increment()
            let wait = backOff.failed(since: start)
            if backOff.isFirst { logger.emit(CodedError(.auditDeliveryFailed, cause: error)) }
            if links.count > 1, backOff.age > options.patience {
                leave(link)
                backOff = BackOff()
            }
            try? await Task.sleep(for: wait)  // cancelled: the loop sees it itself
        }
    }

    /// Moves all that goes to an auditd which is gone.
    private func leave(_ link: AuditdLink) {
        let next = links[(link.number + 1) % links.count]
        current.withLock { if $0 == link.number { $0 = next.number } }
        let recordings = registry.withLock { registry in
            registry.recordings.values.filter { $0.link == link.number }
        }
        logger.emit(
            .auditDeliveryMoved,
            [
                "from": "\(link.name)", "to": "\(next.name)",
                "count": .stringConvertible(recordings.count),
            ]
        )
        for recording in recordings {
            recording.move(to: next.number)
            mustSend(recording)
        }
    }

    /// Whether another auditd can be asked to take what this one has no room for.
    private func isMoved(_ recording: OutgoingRecording, from link: Int) -> Bool {
        guard recording.refusals + 1 < links.count else { return false }
        let next = (link + 1) % links.count
        current.withLock { if $0 == link { $0 = next } }
        recording.move(to: next, isRefused: true)
        mustSend(recording)
        return true
    }

    private func send(_ batch: RecordingBatch, _ link: AuditdLink) async throws -> BatchReply {
        let (status, body) = try await link.transport(RecordingRoutes.batch, batch.encodedPieces())
        guard status == 200 else {
            throw CodedError(
                .auditDeliveryFailed,
                detail: "status \(status): \(String(buffer: body).prefix(200))"
            )
        }
        let reply = try BatchJSON.decode(BatchReply.self, from: body)
        guard reply.results.count == batch.frames.count else {
            throw CodedError(.auditDeliveryFailed, detail: "\(reply.results.count) results")
        }
        return reply
    }

    /// A restarted auditd may have forgotten whose its unfinished recordings are.
    private func noteInstance(_ name: String, _ link: AuditdLink) {
        guard link.isOther(name) else { return }
        for recording in registry.withLock({ Array($0.recordings.values) })
        where recording.link == link.number {
            recording.rewind(reopening: true)
            mustSend(recording)
        }
    }

    private func apply(
        _ result: FrameResult,
        to frame: RecordingBatch.Frame,
        of recording: OutgoingRecording
    ) {
        // What was said of a part that went elsewhere meanwhile counts no more.
        guard recording.part == frame.id else { return }
        let durable = frame.id.offset &+ result.durable  // what makes no sense is refused below
        let hasSome = recording.acknowledged > frame.id.offset
        switch (result.status, frame.action) {
        case (200, .open): recording.opened()
        case (200, .append): acknowledge(durable, recording)
        case (200, .finish): finish(recording, durable)
        case (410, _) where recording.isPartThere && durable <= recording.encodedEnd:
            end(recording, durable)
        case (409, _)
        where (recording.acknowledged...recording.encodedEnd).contains(durable):
            acknowledge(durable, recording)
            recording.rewind()
        case (404, _) where !hasSome: recording.rewind(reopening: true)
        case (404, _) where durable < recording.acknowledged,
            (409, _) where durable < recording.acknowledged:
            let detail = "had \(recording.acknowledged), has \(durable)"
            giveUp(recording, CodedError(.auditAcknowledgedLost, detail: detail))
        case (507, .open) where isMoved(recording, from: recording.link): return
        default:
            let detail = "status \(result.status) \(result.code ?? "")"
            giveUp(recording, CodedError(.auditDeliveryRefused, detail: detail))
        }
    }

    /// auditd ended a part of ours: its answer was lost, or it took us for gone.
    private func end(_ recording: OutgoingRecording, _ durable: UInt64) {
        acknowledge(durable, recording)
        guard !recording.isDelivered else { return finish(recording, durable) }
        // What it did not get is a further part, which may begin with what it did get.
        recording.move(to: recording.link)
        mustSend(recording)
    }

    private func finish(_ recording: OutgoingRecording, _ durable: UInt64) {
        acknowledge(durable, recording)
        recording.finished()
        remove(recording)
    }

    private func acknowledge(_ length: UInt64, _ recording: OutgoingRecording) {
        metrics.acknowledged.increment(by: Int64(clamping: recording.acknowledge(length)))
    }

    // MARK: - Time

    /// Looks for overdue acknowledgements, and wakes the sender for a heartbeat.
    private func tickLoop() async {
        let pause = min(options.timeout / 8, options.heartbeat / 2, .seconds(1))
        while (try? await Task.sleep(for: pause)) != nil {  // cancelled: the loop ends
            let recordings = registry.withLock { Array($0.recordings.values) }
            for recording in recordings
            where recording.isOverdue(now: .now, limit: options.timeout) {
                // A session that goes on without strictness may still be caught up with.
                guard recording.isStrict || recording.hasEnded else { continue }
                giveUp(recording, CodedError(.auditDeliveryTimeout))
            }
            metrics.outstanding.record(recordings.reduce(0) { $0 + $1.outstanding })
            for link in links where isBeatDue(link) { link.queue.wake() }
        }
    }
}

extension OutgoingRecording {
    fileprivate var labels: Logger.Metadata { ["connectionId": .string(id)] }
}
