/// Names one trace: 16 bytes of which one at least is not zero (W3C Trace Context §3.2.2.3).
package struct TraceID: Sendable, Hashable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    /// `nil` for zero, which names nothing.
    package init?(high: UInt64, low: UInt64) {
        guard high | low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// A new one, all of it random.
    package init() {
        high = .random(in: 1 ... .max)
        low = .random(in: 0 ... .max)
    }

    /// 32 lower-case hexadecimal digits.
    package var description: String { high.hexadecimal + low.hexadecimal }
}

/// Names one span within its trace: 8 bytes of which one at least is not zero (§3.2.2.4).
package struct SpanID: Sendable, Hashable, CustomStringConvertible {
    package let value: UInt64

    /// `nil` for zero, which names nothing.
    package init?(_ value: UInt64) {
        guard value != 0 else { return nil }
        self.value = value
    }

    /// A new random one.
    package init() { value = .random(in: 1 ... .max) }

    /// 16 lower-case hexadecimal digits.
    package var description: String { value.hexadecimal }
}

extension UInt64 {
    /// 16 lower-case digits.
    fileprivate var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
