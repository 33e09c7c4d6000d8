/// Traces: where they are sent to, and how many of them. Read by every daemon.
package struct TracingConfig: ConfigSection {
    /// The OTLP/HTTP receiver; `/v1/traces` is appended. Nothing is traced while the URL is empty.
    package var client = HTTPClientConfig()
    /// Sent with every call: `name: value`. The values are secret, as they are tokens mostly.
    package var headers: [String: Secret] = [:]
    /// The share of the logins that are traced, 0...1.
    package var sample = 1.0
    /// Whether spans say who somebody is.
    package var usernames = true
    /// Spans that wait to be sent; what comes when it is full is dropped and counted.
    package var queue = 8192
    /// Most spans of one call.
    package var batch = 512
    /// How long a span waits for others to be sent with.
    package var interval: Duration = .seconds(2)

    package init() { client.timeout = .seconds(10) }

    /// Whether anything is traced.
    package var isUsed: Bool { !client.url.isEmpty }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("headers", &headers)
        visitor.field("sample", &sample)
        visitor.field("usernames", &usernames)
        visitor.field("queue", &queue)
        visitor.field("batch", &batch)
        visitor.field("interval", &interval)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard isUsed else { return [] }
        var list = Rules(path)
        list.check((0...1).contains(sample), "sample", "\(sample)", "must be 0...1")
        list.check("queue", queue, in: 1...1_000_000)
        list.check("batch", batch, in: 1...10_000)
        list.check(batch <= queue || queue < 1, "batch", "\(batch)", "must not be above queue")
        list.check("interval", interval, atLeast: .milliseconds(10))
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            list.check(name.isHeaderName, "headers", name, "must be names of HTTP headers")
            list.check(
                value.reveal().utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 },
                "headers.\(name)",
                nil,
                "must be one line"
            )
        }
        return client.problems(at: path) + list.problems
    }
}

extension String {
    /// Whether it is a token (RFC 9110 §5.6.2).
    fileprivate var isHeaderName: Bool {
        let marks = "!#$%&'*+-.^_`|~".utf8
        return !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: marks.contains(byte)
                }
            }
    }
}
