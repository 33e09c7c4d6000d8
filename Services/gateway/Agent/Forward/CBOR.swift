/// Why a value of CBOR (RFC 8949) could not be read.
enum CBORFault: Error {
    /// More bytes may make it whole.
    case incomplete
    case invalid
}

/// Reads what the forwarding protocol needs of CBOR: maps with text keys, numbers, texts, byte
/// strings, truth values and null; everything else is skipped.
struct CBORReader {
    private(set) var rest: ArraySlice<UInt8>

    /// Of one text or byte string.
    private static let longest: UInt64 = 1 << 20
    /// Of items in one another.
    private static let deepest = 8

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The fields of a map, by key in small letters.
    mutating func fields() throws(CBORFault) -> CBORFields {
        let (major, count) = try head()
        guard major == 5, count <= 64 else { throw .invalid }
        var fields = CBORFields()
        for _ in 0..<count {
            let key = try item(0)
            guard case .text(let name) = key else { throw .invalid }
            fields.add(name, try item(0))
        }
        return fields
    }

    private mutating func item(_ depth: Int) throws(CBORFault) -> CBORValue {
        guard depth < Self.deepest else { throw .invalid }
        let (major, number) = try head()
        switch major {
        case 0: return .number(number)
        case 2: return .bytes(try take(number))
        case 3: return .text(try take(number))
        case 4, 5:
            guard number <= 1024 else { throw .invalid }
            for _ in 0..<(major == 4 ? number : 2 * number) { _ = try item(depth + 1) }
            return .other
        case 6: return try item(depth + 1)
        case 7 where number == 20: return .truth(false)
        case 7 where number == 21: return .truth(true)
        default: return .other
        }
    }

    private mutating func take(_ count: UInt64) throws(CBORFault) -> ArraySlice<UInt8> {
        guard count <= Self.longest else { throw .invalid }
        guard rest.count >= Int(count) else { throw .incomplete }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    /// The major type and the argument; indefinite lengths are not in use here.
    private mutating func head() throws(CBORFault) -> (major: UInt8, argument: UInt64) {
        guard let first = rest.popFirst() else { throw .incomplete }
        let low = first & 31
        guard low >= 24 else { return (first >> 5, UInt64(low)) }
        guard low <= 27 else { throw .invalid }
        var argument: UInt64 = 0
        for _ in 0..<(1 << (low - 24)) {
            guard let byte = rest.popFirst() else { throw .incomplete }
            argument = argument << 8 | UInt64(byte)
        }
        return (first >> 5, argument)
    }
}

enum CBORValue {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
    case text(ArraySlice<UInt8>)
    case truth(Bool)
    /// Null, and what is not looked at.
    case other
}

/// A map's fields; the last of a name counts.
struct CBORFields {
    private var list: [(name: [UInt8], value: CBORValue)] = []

    mutating func add(_ name: ArraySlice<UInt8>, _ value: CBORValue) {
        let small = name.map { (65...90).contains($0) ? $0 + 32 : $0 }
        list.append((small, value))
    }

    func number(_ name: StaticString, atMost most: UInt64) throws(CBORFault) -> UInt64 {
        guard case .number(let number)? = value(name), number <= most else { throw .invalid }
        return number
    }

    func text(_ name: StaticString) throws(CBORFault) -> [UInt8] {
        guard case .text(let text)? = value(name), !text.contains(0) else { throw .invalid }
        return Array(text)
    }

    func truth(_ name: StaticString) throws(CBORFault) -> Bool {
        guard case .truth(let truth)? = value(name) else { throw .invalid }
        return truth
    }

    /// Empty for null.
    func bytes(_ name: StaticString) throws(CBORFault) -> ArraySlice<UInt8> {
        switch value(name) {
        case .bytes(let bytes): return bytes
        case .other: return []
        default: throw .invalid
        }
    }

    private func value(_ name: StaticString) -> CBORValue? {
        let wanted = staticBytes(name)
        return list.last { $0.name == wanted }?.value
    }
}

/// Writes CBOR, with the shortest heads.
struct CBORWriter {
    private(set) var bytes: [UInt8] = []

    mutating func map(_ count: Int) { head(5, UInt64(count)) }

    mutating func number(_ value: UInt64) { head(0, value) }

    mutating func text(_ text: StaticString) { self.text(staticBytes(text)) }

    mutating func text(_ text: [UInt8]) {
        head(3, UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    mutating func string(_ string: ArraySlice<UInt8>) {
        head(2, UInt64(string.count))
        bytes.append(contentsOf: string)
    }

    mutating func null() { bytes.append(0xF6) }

    private mutating func head(_ major: UInt8, _ value: UInt64) {
        let type = major << 5
        if value < 24 { return bytes.append(type | UInt8(value)) }
        let power: UInt8 = value < 1 << 8 ? 0 : value < 1 << 16 ? 1 : value < 1 << 32 ? 2 : 3
        bytes.append(type | (24 + power))
        for place in (0..<(1 << power)).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place)))
        }
    }
}

/// `bytes(_:)` where a member hides it.
private func staticBytes(_ text: StaticString) -> [UInt8] { bytes(text) }
