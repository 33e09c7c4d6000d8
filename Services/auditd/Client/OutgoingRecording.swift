import NIOCore
import SharedAudit
import SharedMessages
import Synchronization

/// One recording on its way to auditd: the handle of the gateway, and the shipper's side of it.
final class OutgoingRecording: RecordingHandle {
    /// How the recording tells the shipper that there is work.
    struct Signals: Sendable {
        /// `isMuch`: there is enough of it to be encoded without waiting for more.
        var mustEncode: @Sendable (OutgoingRecording, _ isMuch: Bool) -> Void
        var mustSend: @Sendable (OutgoingRecording) -> Void
        var waited: @Sendable () -> Void
        var lost: @Sendable (OutgoingRecording, _ isFirst: Bool) -> Void
        /// Nanoseconds since the Unix epoch.
        var now: @Sendable () -> Int64
    }

    let recordingID: RecordingID
    private let locked: Mutex<OutgoingState>
    private let memory: RecordingMemory
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
        memory: RecordingMemory,
        signals: Signals,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) {
        recordingID = id
        var facts = facts
        facts.format = options.format
        self.memory = memory
        locked = Mutex(
            OutgoingState(
                window: options.window,
                isStrict: options.delivery == .strict,
                facts: facts,
                link: link
            )
        )
        encoder = Mutex(
            options.format == .asciinema
                ? CastEncoder(version: options.castVersion) : BinaryEncoder()
        )
        self.signals = signals
        self.onFailure = onFailure
    }

    private func read<Value>(_ body: (OutgoingState) -> Value) -> Value {
        locked.withLock { body($0) }
    }

    private func change<Value: Sendable>(_ body: (inout OutgoingState) -> Value) -> Value {
        locked.withLock { state in
            let before = state.held
            state.isCrowded = memory.isCrowded
            defer { memory.change(by: state.held - before) }
            return body(&state)
        }
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

    func identify(username: String) { changeFacts { $0.username = username } }

    func deliver(_ delivery: RecordingDelivery) async throws {
        guard delivery == .besteffort else {
            change { $0.isStrict = true }
            return try await waitUntilOpened()
        }
        let released = change { $0.stopWaiting() }
        for continuation in released { continuation.resume() }
    }

    func identify(container: String) {
        changeFacts { $0.container = container }
        let event = AuditEvent.container(name: container)
        let entry = OutgoingState.Entry(
            event: event,
            channel: nil,
            timestamp: signals.now(),
            cost: event.approximateSize
        )
        if change({ $0.note(entry) }) { signals.mustEncode(self, false) }
    }

    private func changeFacts(_ body: (inout RecordingFacts) -> Void) {
        change { state in
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
        if let failure = read(\.failure) { throw failure }
    }

    /// Waits until auditd has the recording.
    func waitUntilOpened() async throws {
        await settle { $0.isOpened }
        if let failure = read(\.failure) { throw failure }
    }

    private func admit(_ entry: OutgoingState.Entry) -> OutgoingState.Admission {
        let (admission, lost) = change { ($0.admit(entry), $0.lostMessages) }
        switch admission {
        case .added(isNews: true, let isMuch): signals.mustEncode(self, isMuch)
        case .lost: signals.lost(self, lost == 1)
        case .added, .mustWait, .ended, .failed: break
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
            let waiter = change { $0.withdraw(number) }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Lets a waiter wait unless things have changed since it was told to.
    private func enqueue(_ waiter: OutgoingState.Waiter) {
        let isCancelled = Task.isCancelled
        let admission = change { state -> OutgoingState.Admission in
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
            signals.mustEncode(self, read(\.hasMuch))
        }
    }

    /// Waits for `isReached` or for the recording's failure. Not cancellable: the shipper's time
    /// limit ends it.
    private func settle(_ isReached: (OutgoingState) -> Bool) async {
        var isSettled = false
        while !isSettled {
            isSettled = read { Self.isOver($0) || isReached($0) }
            guard !isSettled else { return }
            await withCheckedContinuation { continuation in
                let isOver = change { state in
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

    var hasSomethingToSend: Bool { read { $0.hasSomethingToSend } }
    var outstanding: Int { read { $0.outstanding } }
    var acknowledged: UInt64 { read { $0.acknowledged } }
    var encodedEnd: UInt64 { read { $0.encodedEnd } }
    /// Nothing more can come from the gateway.
    var hasEnded: Bool { read(\.hasDisconnected) }
    var isOver: Bool { read { Self.isOver($0) || $0.isFinished } }
    /// Whether there is no session without it.
    var isStrict: Bool { read(\.isStrict) }

    /// Encodes what was admitted, and has it sent. One caller at a time.
    func encode(using deflater: Deflater) {
        var rest = read(\.pendingCost)
        while case let entries = change({ $0.takePending() }), !entries.isEmpty {
            encode(entries, using: deflater)
            rest -= entries.reduce(0) { $0 + $1.cost }
            guard rest > 0 else { break }
        }
        signals.mustSend(self)
        // What has come meanwhile waits for more, as it would have if it had come later.
        let (isLeft, hasMuch) = read { (!$0.pending.isEmpty, $0.hasMuch) }
        if isLeft { signals.mustEncode(self, hasMuch) }
    }

    private func encode(_ entries: [OutgoingState.Entry], using deflater: Deflater) {
        let isLast = entries.last?.event == .disconnect
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
        change { $0.encoded(bytes, cost: cost, isLast: isLast) }
    }

    func takeActions(limit: Int) -> [RecordingBatch.Action] {
        change { $0.takeActions(limit: limit, facts: BatchJSON.encode) }
    }

    /// Which auditd it goes to.
    var link: Int { read { $0.link } }
    /// auditds in a row that had no room for it.
    var refusals: Int { read { $0.refusals } }
    /// The part under way.
    var part: RecordingID {
        read { recordingID.part($0.part, from: $0.partStart) }
    }

    /// Whether something of the part may have reached its auditd.
    var isPartThere: Bool { read(\.isPartThere) }
    var isDelivered: Bool { read(\.isDelivered) }

    func doubt() { change { $0.doubt() } }

    func move(to link: Int, isRefused: Bool = false) {
        change { $0.move(to: link, isRefused: isRefused) }
    }

    func rewind(reopening: Bool = false) {
        change { $0.rewind(reopening: reopening) }
    }

    func opened() {
        resume(
            change { state in
                state.opened()
                return state.takeObservers()
            }
        )
    }

    func finished() {
        resume(
            change { state in
                state.finished()
                return state.takeObservers()
            }
        )
    }

    /// Answers how many more bytes are acknowledged now.
    func acknowledge(_ length: UInt64) -> UInt64 {
        let (released, gained, hasMuch) = change { state in
            let before = state.acknowledged
            let released = state.acknowledge(length)
            return (released, state.acknowledged - before, state.hasMuch)
        }
        for continuation in released { continuation.resume() }
        if !released.isEmpty { signals.mustEncode(self, hasMuch) }
        return gained
    }

    func isOverdue(now: ContinuousClock.Instant, limit: Duration) -> Bool {
        change { $0.isOverdue(now: now, limit: limit) }
    }

    func fail(_ error: CodedError) {
        let (waiters, observers, isNew) = change { state in
            let isNew = state.failure == nil && !state.isFinished
            return (state.fail(error), state.takeObservers(), isNew)
        }
        for waiter in waiters { waiter.resume(throwing: error) }
        resume(observers)
        if isNew { onFailure(error) }
    }

    func abandon() {
        resume(
            change { state in
                state.abandon()
                return state.takeObservers()
            }
        )
    }

    private func resume(_ observers: [CheckedContinuation<Void, Never>]) {
        for observer in observers { observer.resume() }
    }
}
