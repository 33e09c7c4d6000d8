import NIOCore
import SharedAudit
import SharedMessages
import Synchronization

/// One recording on its way to auditd: the handle of the gateway, and the shipper's side of it.
final class OutgoingRecording: RecordingHandle {
    /// How the recording tells the shipper that there is work.
    struct Signals: Sendable {
        var mustEncode: @Sendable (OutgoingRecording) -> Void
        var mustSend: @Sendable (OutgoingRecording) -> Void
        var waited: @Sendable () -> Void
        var lost: @Sendable (OutgoingRecording, _ isFirst: Bool) -> Void
        /// Nanoseconds since the Unix epoch.
        var now: @Sendable () -> Int64
    }

    let recordingID: RecordingID
    private let state: Mutex<OutgoingState>
    private let encoder: Mutex<any AuditEncoder>
    private let lastNumber = Atomic<UInt64>(0)
    private let signals: Signals
    private let onFailure: @Sendable (CodedError) -> Void

    var id: String { recordingID.description }

    init(
        _ id: RecordingID,
        options: ShipperOptions,
        facts: RecordingFacts,
        link: Int,
        signals: Signals,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) {
        recordingID = id
        var facts = facts
        facts.format = options.format
        state = Mutex(
            OutgoingState(
                window: options.window,
                isStrict: options.delivery == .strict,
                facts: facts,
                link: link
            )
        )
        encoder = Mutex(options.format == .asciinema ? CastEncoder() : BinaryEncoder())
        self.signals = signals
        self.onFailure = onFailure
    }

    // MARK: - The gateway's side

    func append(_ event: AuditEvent, channel: UInt64?) async throws {
        let entry = OutgoingState.Entry(
            event: event,
            channel: channel,
            timestamp: signals.now(),
            cost: event.approximateSize
        )
        switch admit(entry) {
        case .added, .lost, .ended: return
        case .failed(let error): throw error
        case .mustWait:
            signals.waited()
            try await wait(with: entry)
        }
    }

    func identify(username: String) { change { $0.username = username } }

    func identify(container: String) {
        change { $0.container = container }
        let event = AuditEvent.container(name: container)
        let entry = OutgoingState.Entry(
            event: event,
            channel: nil,
            timestamp: signals.now(),
            cost: event.approximateSize
        )
        if state.withLock({ $0.note(entry) }) { signals.mustEncode(self) }
    }

    private func change(_ body: (inout RecordingFacts) -> Void) {
        state.withLock { state in
            body(&state.facts)
            state.mustOpen = true
        }
        signals.mustSend(self)
    }

    func finish() async throws {
        let end = OutgoingState.Entry(
            event: .disconnect,
            channel: nil,
            timestamp: signals.now(),
            cost: AuditEvent.disconnect.approximateSize
        )
        _ = admit(end)
        await settle { $0.isFinished }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Waits until auditd has the recording.
    func waitUntilOpened() async throws {
        await settle { $0.isOpened }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func admit(_ entry: OutgoingState.Entry) -> OutgoingState.Admission {
        let (admission, lost) = state.withLock { ($0.admit(entry), $0.lostMessages) }
        switch admission {
        case .added: signals.mustEncode(self)
        case .lost: signals.lost(self, lost == 1)
        case .mustWait, .ended, .failed: break
        }
        return admission
    }

    private func wait(with entry: OutgoingState.Entry) async throws {
        let number = lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(.init(number: number, entry: entry, continuation: continuation))
            }
        } onCancel: {
            let waiter = state.withLock { $0.withdraw(number) }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Lets a waiter wait unless things have changed since it was told to.
    private func enqueue(_ waiter: OutgoingState.Waiter) {
        let isCancelled = Task.isCancelled
        let admission = state.withLock { state -> OutgoingState.Admission in
            guard !isCancelled else { return .ended }
            let admission = state.admit(waiter.entry)
            if case .mustWait = admission { state.enqueue(waiter) }
            return admission
        }
        switch admission {
        case .mustWait: return
        case .ended where isCancelled: waiter.continuation.resume(throwing: CancellationError())
        case .failed(let error): waiter.continuation.resume(throwing: error)
        case .added, .lost, .ended:
            waiter.continuation.resume()
            signals.mustEncode(self)
        }
    }

    /// Waits for `isReached` or for the recording's failure. Not cancellable: the shipper's time
    /// limit ends it.
    private func settle(_ isReached: (OutgoingState) -> Bool) async {
        var isSettled = false
        while !isSettled {
            isSettled = state.withLock { Self.isOver($0) || isReached($0) }
            guard !isSettled else { return }
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if Self.isOver(state) || isReached(state) { return true }
                    state.observe(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        }
    }

    private static func isOver(_ state: OutgoingState) -> Bool {
        state.failure != nil || state.isAbandoned
    }

    // MARK: - The shipper's side

    var hasSomethingToSend: Bool { state.withLock { $0.hasSomethingToSend } }
    var outstanding: Int { state.withLock { $0.outstanding } }
    var acknowledged: UInt64 { state.withLock { $0.acknowledged } }
    var encodedEnd: UInt64 { state.withLock { $0.encodedEnd } }
    /// Nothing more can come from the gateway.
    var hasEnded: Bool { state.withLock { $0.hasDisconnected } }
    var isOver: Bool { state.withLock { Self.isOver($0) || $0.isFinished } }

    /// Encodes what was admitted. One caller at a time.
    func encode(using deflater: Deflater) {
        let entries = state.withLock { $0.takePending() }
        guard let last = entries.last else { return }
        let isLast = last.event == .disconnect
        let bytes = encoder.withLock { encoder in
            for entry in entries {
                encoder.append(
                    AuditMessage(
                        connectionID: id,
                        timestamp: entry.timestamp,
                        channelID: entry.channel,
                        event: entry.event
                    )
                )
            }
            return isLast ? encoder.finish(using: deflater) : encoder.flush(using: deflater)
        }
        let cost = entries.reduce(0) { $0 + $1.cost }
        state.withLock { $0.encoded(bytes, cost: cost, isLast: isLast) }
    }

    func takeActions(limit: Int) -> [RecordingBatch.Action] {
        state.withLock { $0.takeActions(limit: limit, facts: BatchJSON.encode) }
    }

    /// Which auditd it goes to.
    var link: Int { state.withLock { $0.link } }
    /// auditds in a row that had no room for it.
    var refusals: Int { state.withLock { $0.refusals } }
    /// The part under way.
    var part: RecordingID {
        state.withLock { recordingID.part($0.part, from: $0.partStart) }
    }

    func doubt() { state.withLock { $0.doubt() } }

    func move(to link: Int, isRefused: Bool = false) {
        state.withLock { $0.move(to: link, isRefused: isRefused) }
    }

    func rewind(reopening: Bool = false) {
        state.withLock { $0.rewind(reopening: reopening) }
    }

    func opened() {
        resume(
            state.withLock { state in
                state.opened()
                return state.takeObservers()
            }
        )
    }

    func finished() {
        resume(
            state.withLock { state in
                state.finished()
                return state.takeObservers()
            }
        )
    }

    /// Answers how many more bytes are acknowledged now.
    func acknowledge(_ length: UInt64) -> UInt64 {
        let (released, gained) = state.withLock { state in
            let before = state.acknowledged
            let released = state.acknowledge(length)
            return (released, state.acknowledged - before)
        }
        for continuation in released { continuation.resume() }
        if !released.isEmpty { signals.mustEncode(self) }
        return gained
    }

    func isOverdue(now: ContinuousClock.Instant, limit: Duration) -> Bool {
        state.withLock { $0.isOverdue(now: now, limit: limit) }
    }

    func fail(_ error: CodedError) {
        let (waiters, observers, isNew) = state.withLock { state in
            let isNew = state.failure == nil && !state.isFinished
            return (state.fail(error), state.takeObservers(), isNew)
        }
        for waiter in waiters { waiter.resume(throwing: error) }
        resume(observers)
        if isNew { onFailure(error) }
    }

    func abandon() {
        resume(
            state.withLock { state in
                state.abandon()
                return state.takeObservers()
            }
        )
    }

    private func resume(_ observers: [CheckedContinuation<Void, Never>]) {
        for observer in observers { observer.resume() }
    }
}
