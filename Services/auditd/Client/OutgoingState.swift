import DequeModule
import NIOCore
import SharedAudit
import SharedMessages

/// The rules of one recording on its way to auditd, without I/O and without clock.
///
/// An entry is admitted (or waits, or is lost), then encoded into chunks of the recording, then
/// sent, then acknowledged. Its cost counts against the window from admission to acknowledgement.
struct OutgoingState {
    struct Entry {
        var event: AuditEvent
        var channel: UInt64?
        var timestamp: Int64
        var cost: Int
    }

    /// Encoded bytes that are not acknowledged yet.
    struct Chunk {
        var offset: UInt64
        var bytes: ByteBuffer
        var cost: Int

        var end: UInt64 { offset + UInt64(bytes.readableBytes) }
    }

    struct Waiter {
        var number: UInt64
        var entry: Entry
        var continuation: CheckedContinuation<Void, any Error>
    }

    enum Admission {
        /// `isNews`: whoever encodes has to be told, as there was nothing to encode, or is enough
        /// now to be encoded without waiting for more.
        case added(isNews: Bool, isMuch: Bool)
        case mustWait
        case lost
        /// The recording has ended; nothing is added any more.
        case ended
        case failed(CodedError)
    }

    /// Bytes of one recording that are let in where all recordings together need much memory.
    static let crowdedWindow = 256 << 10

    let window: Int
    /// Whether entries wait for room rather than being lost.
    var isStrict: Bool
    /// Whether all recordings together hold more than they should.
    var isCrowded = false
    /// Bytes in memory: of entries before they are encoded, of their encoding after.
    private(set) var held = 0

    private(set) var pending: Deque<Entry> = []
    /// Of the pending entries.
    private(set) var pendingCost = 0
    private(set) var chunks: Deque<Chunk> = []
    private(set) var waiters: Deque<Waiter> = []
    private(set) var outstanding = 0
    private(set) var encodedEnd: UInt64 = 0
    private(set) var sentEnd: UInt64 = 0
    private(set) var acknowledged: UInt64 = 0
    private(set) var lostMessages: UInt64 = 0
    private(set) var lostBytes: UInt64 = 0
    private(set) var failure: CodedError?
    /// `besteffort`: auditd does not want this recording; everything is dropped.
    private(set) var isAbandoned = false
    private(set) var hasDisconnected = false
    /// The encoder has given its last bytes.
    private(set) var isComplete = false
    private(set) var isFinished = false
    var facts: RecordingFacts
    /// Which auditd has the part under way.
    private(set) var link: Int
    /// The part under way, and the place of its first byte in the recording.
    private(set) var part: UInt32 = 0
    private(set) var partStart: UInt64 = 0
    /// Something of the part may have reached its auditd.
    private(set) var isPartThere = false
    /// auditds in a row that had no room for it.
    private(set) var refusals = 0
    /// auditd must be told the facts (again).
    var mustOpen = true
    private(set) var isOpened = false
    /// The facts were sent, and nothing is known of them.
    private var isOpening = false
    private(set) var isFinishSent = false
    /// Since when an acknowledgement is owed without any having come.
    private var owedSince: ContinuousClock.Instant?
    /// Who waits for the recording to be opened, finished or given up.
    private var observers: [CheckedContinuation<Void, Never>] = []

    init(window: Int, isStrict: Bool, facts: RecordingFacts, link: Int = 0) {
        self.link = link
        self.window = window
        self.isStrict = isStrict
        self.facts = facts
    }

    /// Whether an acknowledgement is owed: then the time limit runs.
    var isOwed: Bool {
        guard failure == nil, !isAbandoned, !isFinished else { return false }
        return outstanding > 0 || !isOpened || isComplete
    }

    var hasSomethingToSend: Bool {
        guard failure == nil, !isAbandoned, !isFinished else { return false }
        return mustOpen || sentEnd < encodedEnd || (isComplete && !isFinishSent)
    }

    /// Whether auditd has all there will ever be.
    var isDelivered: Bool { isComplete && acknowledged == encodedEnd }

    // MARK: - Entries

    mutating func admit(_ entry: Entry) -> Admission {
        if let failure { return .failed(failure) }
        guard !hasDisconnected else { return .ended }
        guard !isAbandoned else {
            lose(entry)
            return .lost
        }
        if entry.event == .disconnect {
            hasDisconnected = true
            // Everyone who still waits belongs before the end; the end itself never waits.
            while let waiter = waiters.popFirst() {
                _ = add(waiter.entry)
                waiter.continuation.resume()
            }
            return add(entry)
        }
        if waiters.isEmpty, fits(entry) { return add(entry) }
        guard isStrict else {
            lose(entry)
            return .lost
        }
        return .mustWait
    }

    /// Whether enough waits to be encoded at once.
    var hasMuch: Bool { pendingCost >= much }

    /// Adds an entry of ours, which waits for nothing; false if nothing is added any more.
    mutating func note(_ entry: Entry) -> Bool {
        guard failure == nil, !isAbandoned, !hasDisconnected else { return false }
        _ = add(entry)
        return true
    }

    mutating func enqueue(_ waiter: Waiter) { waiters.append(waiter) }

    /// Takes a waiter out, if it still waits.
    mutating func withdraw(_ number: UInt64) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return nil }
        return waiters.remove(at: index)
    }

    private var limit: Int { isCrowded ? min(window, Self.crowdedWindow) : window }

    /// Bytes before compression that are worth being encoded and sent by themselves: few enough
    /// that the window does not fill while nobody works at what is in it.
    private var much: Int { max(1, limit / 4) }

    private func fits(_ entry: Entry) -> Bool {
        outstanding == 0 || outstanding + entry.cost <= limit
    }

    private mutating func add(_ entry: Entry) -> Admission {
        let before = pendingCost
        let wasEmpty = pending.isEmpty
        if lostMessages > 0 {
            pending.append(
                Entry(
                    event: .gap(lostMessages: lostMessages, lostBytes: lostBytes),
                    channel: nil,
                    timestamp: entry.timestamp,
                    cost: 0
                )
            )
            (lostMessages, lostBytes) = (0, 0)
        }
        pending.append(entry)
        pendingCost += entry.cost
        outstanding += entry.cost
        held += entry.cost
        let isMuch = before < much && pendingCost >= much
        return .added(isNews: wasEmpty || isMuch, isMuch: isMuch)
    }

    private mutating func lose(_ entry: Entry) {
        lostMessages += 1
        if case .io(_, let data) = entry.event { lostBytes += UInt64(data?.readableBytes ?? 0) }
    }

    // MARK: - Encoding

    /// Bytes before compression that are encoded together. What comes of more would be memory that
    /// the allocator gives back each time.
    private static let pieceLimit = 512 << 10

    /// The next entries: at least one, and no more once they are enough for one piece.
    mutating func takePending() -> [Entry] {
        var entries: [Entry] = []
        var cost = 0
        while cost < Self.pieceLimit, let entry = pending.popFirst() {
            cost += entry.cost
            entries.append(entry)
        }
        pendingCost -= cost
        if pending.isEmpty { pending = [] }  // gives up its memory
        return entries
    }

    mutating func encoded(_ bytes: ByteBuffer, cost: Int, isLast: Bool) {
        isComplete = isComplete || isLast
        // It may have been given up meanwhile.
        guard failure == nil, !isAbandoned, !isFinished else { return }
        held += bytes.readableBytes - cost
        chunks.append(Chunk(offset: encodedEnd, bytes: bytes, cost: cost))
        encodedEnd += UInt64(bytes.readableBytes)
    }

    // MARK: - Sending

    /// The next frames, at most `limit` bytes of data; they count as sent.
    mutating func takeActions(limit: Int, facts encode: (RecordingFacts) -> ByteBuffer)
        -> [RecordingBatch.Action]
    {
        var actions: [RecordingBatch.Action] = []
        guard failure == nil, !isAbandoned, !isFinished else { return actions }
        if mustOpen {
            mustOpen = false
            isOpening = true
            actions.append(.open(encode(facts)))
        }
        var room = limit
        for chunk in chunks where chunk.end > sentEnd && room > 0 {
            let skip = Int(sentEnd - chunk.offset)
            let length = min(room, chunk.bytes.readableBytes - skip)
            guard
                let slice = chunk.bytes.getSlice(
                    at: chunk.bytes.readerIndex + skip,
                    length: length
                )
            else { break }
            actions.append(.append(offset: sentEnd - partStart, slice))
            sentEnd += UInt64(length)
            room -= length
        }
        if isComplete, !isFinishSent, sentEnd == encodedEnd {
            isFinishSent = true
            actions.append(.finish(length: encodedEnd - partStart))
        }
        return actions
    }

    /// What was sent and not acknowledged must be sent again.
    mutating func rewind(reopening: Bool) {
        sentEnd = acknowledged
        isFinishSent = false
        if reopening || isOpening || !isOpened { mustOpen = true }
        isOpening = false
    }

    /// Nobody knows whether what was sent has arrived.
    mutating func doubt() { isPartThere = true }

    /// Goes on at another auditd, behind what is acknowledged. Where something may have reached the
    /// one before, that is a further part.
    mutating func move(to link: Int, isRefused: Bool) {
        self.link = link
        refusals = isRefused ? refusals + 1 : 0
        if isPartThere {
            part += 1
            partStart = acknowledged
        }
        isPartThere = false
        rewind(reopening: true)
    }

    mutating func opened() {
        isPartThere = true
        refusals = 0
        isOpening = false
        isOpened = true
        owedSince = nil
    }

    mutating func finished() {
        isFinished = true
        (outstanding, held) = (0, 0)
    }

    /// auditd has the first `length` bytes durably. Answers the waiters that may go on.
    mutating func acknowledge(_ length: UInt64) -> [CheckedContinuation<Void, any Error>] {
        guard length > acknowledged, length <= encodedEnd else { return [] }
        acknowledged = length
        owedSince = nil
        sentEnd = max(sentEnd, length)
        while let first = chunks.first, first.end <= length {
            outstanding -= first.cost
            held -= first.bytes.readableBytes
            chunks.removeFirst()
        }
        var released: [CheckedContinuation<Void, any Error>] = []
        while let first = waiters.first, fits(first.entry) {
            waiters.removeFirst()
            _ = add(first.entry)
            released.append(first.continuation)
        }
        return released
    }

    // MARK: - Time

    /// Whether an acknowledgement has been owed for longer than `limit`; to be asked regularly.
    mutating func isOverdue(now: ContinuousClock.Instant, limit: Duration) -> Bool {
        guard isOwed else {
            owedSince = nil
            return false
        }
        guard let since = owedSince else {
            owedSince = now
            return false
        }
        return now - since > limit
    }

    // MARK: - Ends

    /// Lets the waiters go on whose entries are lost instead.
    mutating func stopWaiting() -> [CheckedContinuation<Void, any Error>] {
        isStrict = false
        defer { waiters = [] }
        for waiter in waiters { lose(waiter.entry) }
        return waiters.map(\.continuation)
    }

    mutating func observe(_ continuation: CheckedContinuation<Void, Never>) {
        observers.append(continuation)
    }

    mutating func takeObservers() -> [CheckedContinuation<Void, Never>] {
        defer { observers = [] }
        return observers
    }

    mutating func fail(_ error: CodedError) -> [CheckedContinuation<Void, any Error>] {
        guard failure == nil, !isFinished else { return [] }
        failure = error
        return drop()
    }

    mutating func abandon() {
        guard !isFinished else { return }
        isAbandoned = true
        _ = drop()
    }

    private mutating func drop() -> [CheckedContinuation<Void, any Error>] {
        for entry in pending { lose(entry) }
        pending = []
        pendingCost = 0
        chunks = []
        (outstanding, held) = (0, 0)
        defer { waiters = [] }
        return waiters.map(\.continuation)
    }
}
