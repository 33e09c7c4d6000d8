import Testing

@testable import SharedTracing

struct TraceContextTests {
    private static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("the example of the specification is read and written as it is")
    func example() throws {
        let context = try #require(TraceContext(traceparent: Self.good))
        #expect(context.traceID.description == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.spanID.description == "00f067aa0ba902b7")
        #expect(context.isSampled)
        #expect(context.traceparent == Self.good)
    }

    @Test(
        "of the flags only the first counts",
        arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)]
    )
    func flags(_ flags: String, _ isSampled: Bool) throws {
        let context = try #require(TraceContext(traceparent: Self.good.dropLast(2) + flags))
        #expect(context.isSampled == isSampled)
        #expect(context.traceparent.hasSuffix(isSampled ? "-01" : "-00"))
    }

    @Test(
        "a later version is read as far as it is known",
        arguments: [
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
            "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        ]
    )
    func later(_ text: String) {
        #expect(TraceContext(traceparent: text)?.traceparent == Self.good)
    }

    @Test(
        "what is no traceparent is none",
        arguments: [
            "", "-", "00", "00-", "---",
            // version ff is forbidden, zero names nothing
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            // upper case, other digits, other dashes
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
            "0G-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473z-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
            "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            // lengths
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            // not ASCII
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-0",
        ]
    )
    func hostile(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test("no text makes the reader trap")
    func garbage() {
        for length in 0..<120 {
            for _ in 0..<20 {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0 ... .max) }
                _ = TraceContext(traceparent: String(decoding: bytes, as: UTF8.self))
            }
            _ = TraceContext(traceparent: String((Self.good + "-more").prefix(length)))
        }
    }
}

struct TraceStateTests {
    @Test("members are passed on in their order, over several headers, without blanks around them")
    func order() {
        let state = TraceState(["rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "\tothers@acme=x ,,"])
        #expect(state.text == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,others@acme=x")
    }

    @Test(
        "what breaks a rule is left out as a whole",
        arguments: [
            "novalue", "=x", "UPPER=x", "a=b=c", "a=x,a=y", "a=", "1a=x", "a b=x", "a=é",
            "a=\u{1}", "@a=x", "a@=x", "a@1b=x", "a@b@c=x", "a@abcdefghijklmno=x",
        ]
    )
    func invalid(_ text: String) { #expect(TraceState(["good=1,\(text)"]).text.isEmpty) }

    @Test("a tenant may begin with a digit, a plain name may not")
    func tenants() {
        #expect(TraceState(["1a@b=x"]).text == "1a@b=x")
        #expect(TraceState(["1a=x"]).text.isEmpty)
    }

    @Test("more members than 32 are none")
    func members() {
        let members = (0..<32).map { "k\($0)=v" }
        #expect(TraceState([members.joined(separator: ",")]).text.split(separator: ",").count == 32)
        #expect(TraceState([(members + ["k32=v"]).joined(separator: ",")]).text.isEmpty)
    }

    @Test("of what is too long the long members go first, then the last ones")
    func length() {
        let long = "long=" + String(repeating: "x", count: 200)
        let short = (0..<10).map { "k\($0)=" + String(repeating: "y", count: 60) }
        let state = TraceState([([long] + short).joined(separator: ",")])
        #expect(state.text == short.prefix(8).joined(separator: ","))
        #expect(state.text.utf8.count <= 512)
        let huge = String(repeating: "a=b,", count: 100_000)
        #expect(TraceState([huge]).text.isEmpty)
    }
}
