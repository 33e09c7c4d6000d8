import SharedMessages
import Synchronization
import Testing

@testable import SharedTracing

struct SpanTests {
    private final class Kept: SpanSink {
        private let spans = Mutex<[FinishedSpan]>([])
        var all: [FinishedSpan] { spans.withLock { $0 } }
        func take(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
    }

    private let kept = Kept()

    private func tracer(sample: Double = 1, showsUsers: Bool = true) -> Tracer {
        Tracer(sample: sample, showsUsers: showsUsers, sink: kept)
    }

    @Test("a child is of its parent's trace and names it as its parent")
    func child() throws {
        let root = tracer().begin("root")
        let child = root.child("child", .client)
        child.end()
        root.end()
        try #require(kept.all.map(\.name) == ["child", "root"])
        #expect(kept.all[0].context.traceID == root.context.traceID)
        #expect(kept.all[0].parent == root.context.spanID)
        #expect(kept.all[0].context.spanID != root.context.spanID)
        #expect(kept.all[0].kind == .client && !kept.all[0].isParentRemote)
        #expect(kept.all[1].parent == nil)
    }

    @Test("a span ends once, and nothing changes it afterwards")
    func endsOnce() throws {
        let span = tracer().begin("span")
        span.set(.backend, "docker")
        span.end()
        span.end()
        span.set(.backend, "oci")
        span.fail("late")
        let only = try #require(kept.all.first)
        #expect(kept.all.count == 1)
        #expect(only.attributes == [SpanAttribute(.backend, "docker")] && only.failure == nil)
    }

    @Test("times are those of the instants given, on one line, and never run backwards")
    func times() throws {
        let now = ContinuousClock.now
        let root = tracer().begin("root", at: now)
        root.child("child", at: now + .milliseconds(3)).end(at: now + .milliseconds(5))
        root.child("backwards", at: now).end(at: now - .seconds(1))
        root.end(at: now + .milliseconds(9))
        let (child, backwards, whole) = (kept.all[0], kept.all[1], kept.all[2])
        #expect(child.start - whole.start == 3_000_000)
        #expect(child.end - child.start == 2_000_000)
        #expect(whole.end - whole.start == 9_000_000)
        #expect(backwards.end == backwards.start)
    }

    @Test("a trace that is not recorded is passed on and hands nothing over")
    func unsampled() {
        let root = tracer(sample: 0).begin("root")
        let child = root.child("child")
        #expect(child === root)
        #expect(child.context.traceparent.hasSuffix("-00"))
        child.end()
        #expect(kept.all.isEmpty)
    }

    @Test("the share of recorded traces is what was asked for")
    func share() {
        let tracer = tracer(sample: 0.25)
        let recorded = (0..<4000).count { _ in tracer.begin("root").context.isSampled }
        // Nine standard deviations around 1000: a run in 10¹⁸ fails by chance.
        #expect((750...1250).contains(recorded))
    }

    @Test("a remote trace goes on if it is recorded, whatever is sampled here")
    func remote() throws {
        let far = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
        let state = TraceState(["a=b"])
        let sampled = try #require(TraceContext(traceparent: far + "01", state: state))
        let span = tracer(sample: 0).resume(sampled, "GET", .server)
        span.child("below").end()
        span.end()
        #expect(kept.all.map(\.context.traceID) == [sampled.traceID, sampled.traceID])
        #expect(kept.all.map(\.context.state) == [state, state])
        #expect(kept.all[1].parent == sampled.spanID && kept.all[1].isParentRemote)

        let quiet = try #require(TraceContext(traceparent: far + "00", state: state))
        let unheard = tracer(sample: 1).resume(quiet, "GET", .server)
        unheard.end()
        #expect(kept.all.count == 2)
        #expect(unheard.context.traceparent == quiet.traceparent)
    }

    @Test("a trace has so many spans; what is below one that is left out is below its parent")
    func bounded() throws {
        let root = tracer().begin("root")
        for _ in 0..<TraceLine.mostSpans { root.child("child").end() }
        let left = root.child("left out")
        #expect(left.context == root.context && left !== root)
        left.child("below").end()
        left.end()
        root.set(.backend, "oci")
        root.end()
        #expect(kept.all.count == TraceLine.mostSpans + 1)
        #expect(kept.all.last?.attributes == [SpanAttribute(.backend, "oci")])
    }

    @Test("work that goes on for itself has no current span")
    func without() async {
        await tracer().begin("span").run {
            await Span.without { Task { #expect(Span.current == nil) } }.value
        }
    }

    @Test("the current span is inherited by tasks, and gone afterwards")
    func current() async {
        let span = tracer().begin("span")
        #expect(Span.current == nil)
        await span.run {
            #expect(Span.current === span)
            await Task { #expect(Span.current === span) }.value
            await Task.detached { #expect(Span.current == nil) }.value
        }
        #expect(span.run { Span.current } === span)
        #expect(Span.current == nil)
    }

    @Test("what failed says the code of the error, or its type")
    func failures() {
        let span = tracer().begin("one")
        span.fail(CodedError(.sshHandshakeFailed))
        span.end()
        let other = tracer().begin("two")
        other.fail(CancellationError())
        other.end()
        #expect(kept.all.map(\.failure) == ["SSH_HANDSHAKE_FAILED", "CancellationError"])
        #expect(kept.all[0].attributes == [SpanAttribute(.errorType, "SSH_HANDSHAKE_FAILED")])
    }

    @Test("users are named only where spans may say who somebody is")
    func users() {
        for showsUsers in [true, false] {
            let span = tracer(showsUsers: showsUsers).begin("span")
            span.set(user: "ada")
            span.end()
        }
        #expect(kept.all.map(\.attributes) == [[SpanAttribute(.user, "ada")], []])
    }

    @Test("a long text is cut")
    func longText() throws {
        let span = tracer().begin(
            "span",
            .internal,
            at: .now,
            [
                SpanAttribute(.clientVersion, .string(String(repeating: "x", count: 5000)))
            ]
        )
        span.set(.user, .string(String(repeating: "é", count: 5000)))
        span.end()
        for attribute in kept.all[0].attributes {
            guard case .string(let text) = attribute.value else { continue }
            #expect((1000...1030).contains(text.utf8.count))
        }
    }
}
