/// What there is still to do for one recording: knows no store, no clock and no file.
///
/// `next()` hands out steps until it answers `nil`; each step is answered by one of the events.
struct UploadState: Sendable {
    enum Step: Sendable, Hashable {
        /// Ask the bucket what an earlier run has left there.
        case resume
        /// Nothing was ever recorded, and nothing is stored.
        case nothing
        case put
        case create
        case send(PartPlan.Part, upload: String)
        case complete([SentPart], upload: String)
    }

    /// What the bucket has, after `resume`.
    enum Found: Sendable {
        case nothing
        case object
        case upload(String, [SentPart])
    }

    private enum Stage: Sendable {
        case unknown
        case fresh
        case uploading
        case stored
    }

    private struct Upload: Sendable {
        var id: String
        var sent: [Int: SentPart] = [:]
        var sentBytes: UInt64 = 0
        var sending: Set<PartPlan.Part> = []
        /// To be sent again.
        var returned: [PartPlan.Part] = []
        /// The last one that was handed out.
        var last: PartPlan.Part?
    }

    let plan: PartPlan
    private(set) var length: UInt64
    private(set) var isFinished: Bool
    private var stage: Stage
    /// Of the stage `uploading`; beside it, as thousands of parts are not to be copied.
    private var current = Upload(id: "")
    /// A step that stands alone is under way.
    private var isBusy = false

    init(plan: PartPlan, isRecovered: Bool) {
        self.plan = plan
        length = 0
        isFinished = false
        stage = isRecovered ? .unknown : .fresh
    }

    var isStored: Bool { stage == .stored }

    /// The identifier of the upload under way.
    var upload: String? { stage == .uploading ? current.id : nil }

    /// Bytes that the bucket does not have.
    var unsent: UInt64 {
        switch stage {
        case .unknown, .fresh: length
        case .uploading: length - current.sentBytes
        case .stored: 0
        }
    }

    /// The offset of the first byte that the bucket does not have.
    var firstUnsent: UInt64 {
        switch stage {
        case .unknown, .fresh: 0
        case .uploading:
            (current.returned + current.sending).map(\.offset).min() ?? current.last?.end ?? 0
        case .stored: length
        }
    }

    mutating func next() -> Step? {
        guard !isBusy else { return nil }
        switch stage {
        case .unknown:
            guard isFinished || length >= plan.firstSize else { return nil }
            return alone(.resume)
        case .fresh:
            if isFinished, length == 0 { return alone(.nothing) }
            if isFinished, length <= plan.firstSize { return alone(.put) }
            return length >= plan.firstSize ? alone(.create) : nil
        case .uploading:
            if let part = nextPart() {
                current.sending.insert(part)
                return .send(part, upload: current.id)
            }
            guard isFinished, current.sending.isEmpty, current.last?.end == length else {
                return nil
            }
            let parts = current.sent.values.sorted { $0.part.number < $1.part.number }
            return alone(.complete(parts, upload: current.id))
        case .stored: return nil
        }
    }

    private mutating func nextPart() -> PartPlan.Part? {
        if let part = current.returned.popLast() { return part }
        let next = plan.part(after: current.last, length: length, isFinished: isFinished)
        if let next { current.last = next }
        return next
    }

    private mutating func alone(_ step: Step) -> Step {
        isBusy = true
        return step
    }

    // MARK: - Events

    /// The recording has grown or ended.
    mutating func grew(to length: UInt64, isFinished: Bool) {
        self.length = max(self.length, length)
        self.isFinished = self.isFinished || isFinished
    }

    mutating func found(_ found: Found) {
        isBusy = false
        switch found {
        case .nothing: stage = .fresh
        case .object: stage = .stored
        case .upload(let id, let parts):
            current = Upload(id: id)
            for sent in parts {
                current.sent[sent.part.number] = sent
                current.sentBytes += sent.part.length
            }
            current.last = parts.map(\.part).max { $0.number < $1.number }
            let whole = plan.parts(of: current.last?.end ?? 0, isFinished: true)
            current.returned = whole.filter { current.sent[$0.number] == nil }
            stage = .uploading
        }
    }

    mutating func created(_ id: String) {
        isBusy = false
        current = Upload(id: id)
        stage = .uploading
    }

    mutating func sent(_ part: SentPart, upload id: String) {
        guard upload == id, current.sending.remove(part.part) != nil else { return }
        current.sent[part.part.number] = part
        current.sentBytes += part.part.length
    }

    mutating func stored() {
        isBusy = false
        stage = .stored
    }

    /// A step came to nothing and is to be handed out again.
    mutating func failed(_ step: Step) {
        guard case .send(let part, let id) = step else {
            isBusy = false
            return
        }
        guard upload == id, current.sending.remove(part) != nil else { return }
        current.returned.append(part)
    }

    /// The bucket no longer knows the upload, or has something else than was thought: everything is
    /// to be asked again. What is under way for that upload does not count any more.
    mutating func lost(upload id: String) {
        guard upload == id else { return }
        isBusy = false
        stage = .unknown
    }
}
