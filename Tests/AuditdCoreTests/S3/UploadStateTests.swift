import AuditClient
import Testing

@testable import AuditdCore

@Suite struct UploadStateTests {
    private let plan = PartPlan(firstSize: 100)

    private func fresh(_ length: UInt64 = 0, isFinished: Bool = false) -> UploadState {
        var state = UploadState(plan: plan, isRecovered: false)
        state.grew(to: length, isFinished: isFinished)
        return state
    }

    private func part(_ number: Int, _ offset: UInt64, _ length: UInt64) -> PartPlan.Part {
        PartPlan.Part(number: number, offset: offset, length: length)
    }

    private func sent(_ part: PartPlan.Part) -> SentPart {
        SentPart(part: part, tag: "\(part.number)")
    }

    @Test("a short recording waits for its end and is put whole")
    func single() {
        var state = fresh(99)
        #expect(state.next() == nil)
        state.grew(to: 100, isFinished: false)
        var parts = state
        #expect(parts.next() == .create)
        var short = fresh(99, isFinished: true)
        #expect(short.next() == .put)
        #expect(short.next() == nil, "one at a time")
        short.failed(.put)
        #expect(short.next() == .put)
        #expect(short.unsent == 99)
        short.stored()
        #expect(short.next() == nil && short.isStored && short.unsent == 0)
        var empty = fresh(0, isFinished: true)
        #expect(empty.next() == .nothing)
    }

    @Test("parts go out as they fill, failed ones again, and all are joined in order")
    func parts() {
        var state = fresh(250)
        #expect(state.next() == .create)
        state.created("u")
        let (one, two, three) = (part(1, 0, 100), part(2, 100, 100), part(3, 200, 60))
        #expect(state.next() == .send(one, upload: "u"))
        #expect(state.next() == .send(two, upload: "u"))
        #expect(state.next() == nil, "the third is not full")
        state.sent(sent(two), upload: "u")
        #expect(state.firstUnsent == 0 && state.unsent == 150)
        state.failed(.send(one, upload: "u"))
        state.grew(to: 260, isFinished: true)
        #expect(state.next() == .send(one, upload: "u"))
        #expect(state.next() == .send(three, upload: "u"))
        #expect(state.next() == nil, "some are under way")
        state.sent(sent(three), upload: "u")
        #expect(state.next() == nil)
        state.sent(sent(one), upload: "u")
        #expect(state.firstUnsent == 260 && state.unsent == 0)
        #expect(state.next() == .complete([sent(one), sent(two), sent(three)], upload: "u"))
        #expect(state.next() == nil)
        state.stored()
        #expect(state.isStored)
    }

    @Test("what belongs to an upload that was lost does not count for the next one")
    func lost() {
        var state = fresh(200, isFinished: true)
        _ = state.next()
        state.created("old")
        let one = part(1, 0, 100)
        _ = state.next()
        state.lost(upload: "other")
        #expect(state.upload == "old")
        state.lost(upload: "old")
        #expect(state.upload == nil && state.unsent == 200)
        #expect(state.next() == .resume)
        state.found(.nothing)
        #expect(state.next() == .create)
        state.sent(sent(one), upload: "old")
        state.failed(.send(one, upload: "old"))
        #expect(state.next() == nil, "still creating")
        state.created("new")
        #expect(state.next() == .send(one, upload: "new"))
        state.sent(sent(one), upload: "old")
        #expect(state.unsent == 200)
    }

    @Test("a recovered recording asks the bucket first, and sends only what is missing")
    func resume() {
        var state = UploadState(plan: plan, isRecovered: true)
        state.grew(to: 50, isFinished: false)
        #expect(state.next() == nil, "there can't be an upload of it")
        state.grew(to: 350, isFinished: true)
        #expect(state.next() == .resume)
        state.failed(.resume)
        #expect(state.next() == .resume)
        let found = [part(1, 0, 100), part(3, 200, 100)].map(sent)
        state.found(.upload("u", found))
        #expect(state.next() == .send(part(2, 100, 100), upload: "u"))
        #expect(state.next() == .send(part(4, 300, 50), upload: "u"))
        #expect(state.next() == nil)
        var done = UploadState(plan: plan, isRecovered: true)
        done.grew(to: 10, isFinished: true)
        _ = done.next()
        done.found(.object)
        #expect(done.isStored)
    }

    @Test("no order of events stops it or makes it join other parts than all", arguments: 0..<40)
    func chaos(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let total = UInt64.random(in: 0...1500, using: &random)
        var state = UploadState(plan: plan, isRecovered: Bool.random(using: &random))
        var length: UInt64 = 0
        var running: [UploadState.Step] = []
        var bucket: [String: [SentPart]] = [:]
        var uploads = 0
        for turn in 0..<3000 where !state.isStored {
            length = turn > 500 ? total : min(total, length + .random(in: 0...60, using: &random))
            state.grew(to: length, isFinished: length == total)
            if let step = state.next() { running.append(step) }
            guard let step = running.randomElement(using: &random) else { continue }
            running.removeAll { $0 == step }
            let isCalm = turn > 500
            if !isCalm, Bool.random(using: &random) {
                if case .send(_, let upload) = step, Int.random(in: 0..<5, using: &random) == 0 {
                    state.lost(upload: upload)
                } else {
                    state.failed(step)
                }
                continue
            }
            switch step {
            case .resume:
                let known = bucket.max { $0.key < $1.key }
                state.found(known.map { .upload($0.key, $0.value) } ?? .nothing)
            case .create:
                uploads += 1
                bucket["\(1000 + uploads)"] = []
                state.created("\(1000 + uploads)")
            case .send(let part, let upload):
                bucket[upload]?.removeAll { $0.part.number == part.number }
                bucket[upload]?.append(sent(part))
                state.sent(sent(part), upload: upload)
            case .complete(let parts, _):
                #expect(parts.map(\.part) == plan.parts(of: total, isFinished: true))
                state.stored()
            case .put:
                #expect(total <= plan.firstSize)
                state.stored()
            case .nothing:
                #expect(total == 0)
                state.stored()
            }
        }
        #expect(state.isStored)
    }
}

@Suite struct PartPlanTests {
    @Test(
        "5 TiB fit into 10,000 parts of 5 MiB to 5 GiB, without a gap",
        arguments: [5 << 20, 5 << 30]
    )
    func largest(_ first: UInt64) {
        let plan = PartPlan(firstSize: first)
        let length: UInt64 = 5 << 40
        let parts = plan.parts(of: length, isFinished: true)
        #expect(parts.count <= PartPlan.maximumParts)
        #expect(parts.last?.end == length)
        #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.end == $1.offset })
        #expect(parts.dropLast().allSatisfy { (5 << 20...5 << 30).contains($0.length) })
    }

    @Test("the cut of what has come does not change with what comes")
    func stable() {
        let plan = PartPlan(firstSize: 10)
        let early = plan.parts(of: 57, isFinished: false)
        #expect(early == Array(plan.parts(of: 9999, isFinished: true).prefix(5)))
        #expect(plan.parts(of: 57, isFinished: true).last?.length == 7)
    }
}

@Suite struct GrowthMarksTests {
    @Test("nothing ever looks younger than it is, however many marks there were")
    func bounded() {
        let start = ContinuousClock.now
        var marks = GrowthMarks()
        for step in 1...1000 { marks.grew(to: UInt64(step * 10), at: start + .seconds(step)) }
        for offset in stride(from: 0, to: 10_000, by: 10) {
            let time = marks.time(of: UInt64(offset))
            #expect(time.map { $0 <= start + .seconds(offset / 10 + 1) } == true)
        }
        #expect(marks.time(of: 10_000) == nil)
        marks.trim(to: 9_995)
        #expect(marks.time(of: 9_999) != nil)
    }
}
