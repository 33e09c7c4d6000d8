import Logging

/// Writes JSON with keys in the order given, `<`, `>` and `&` escaped.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Writes an object whose fields `body` writes.
    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        body(&self)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Writes one field of an object, with the comma before it where one is due.
    package mutating func field(_ name: String, _ value: (inout JSONWriter) -> Void) {
        if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
        string(name)
        bytes.append(UInt8(ascii: ":"))
        value(&self)
    }

    /// Writes labels by alphabet, each value with its own JSON type.
    mutating func labels(_ labels: Logger.Metadata) {
        object { fields in
            for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
                fields.field(name) { $0.value(value) }
            }
        }
    }

    package mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy(\.isPlain) {
            bytes += text.utf8
        } else {
            for scalar in text.unicodeScalars { append(scalar) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func number(_ value: some BinaryInteger) { bytes += "\(value)".utf8 }

    package mutating func bool(_ value: Bool) { bytes += (value ? "true" : "false").utf8 }

    /// Writes a list whose elements `body` writes.
    package mutating func array<Element>(
        _ elements: [Element],
        _ body: (inout JSONWriter, Element) -> Void
    ) {
        bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            body(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func value(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): string(text)
        case .stringConvertible(let value): convertible(value)
        case .dictionary(let labels): self.labels(labels)
        case .array(let values): array(values) { $0.value($1) }
        }
    }

    /// Numbers and booleans keep their type; what JSON has no number for is a string.
    private mutating func convertible(_ value: any CustomStringConvertible) {
        switch value {
        case let flag as Bool: bytes += Array(flag.description.utf8)
        case let number as any BinaryInteger: bytes += Array("\(number)".utf8)
        case let number as any BinaryFloatingPoint where Double(number).isFinite:
            bytes += Array("\(Double(number))".utf8)
        default: string(value.description)
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
        case "\\": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
        case "\n": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
        case "\r": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
        case "\t": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
        case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "<", ">", "&", "\u{2028}", "\u{2029}":
            bytes += Array("\\u\(hexadecimal(scalar.value))".utf8)
        default: bytes += UTF8.encode(scalar).map(Array.init) ?? []
        }
    }

    /// Four hex digits; only used for values below 2¹⁶.
    private func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension UInt8 {
    /// Whether it is an ASCII character that stands in a JSON string as it is.
    fileprivate var isPlain: Bool {
        switch self {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "&"):
            false
        default: (0x20...0x7E).contains(self)
        }
    }
}
