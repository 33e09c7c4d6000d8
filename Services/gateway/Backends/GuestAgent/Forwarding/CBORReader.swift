import NIOCore

/// Why bytes are not what the forwarding protocol says.
enum ForwardFault: Error, Hashable {
    /// More bytes may make it whole.
    case incomplete
    case invalid(String)
}

/// Reads what the forwarding protocol needs of CBOR (RFC 8949): maps with text keys, numbers,
/// texts, byte strings, truth values and null; everything else is skipped.
struct CBORReader {
    private(set) var rest: ByteBuffer

    /// Of one text or byte string.
    static let longest = 1 << 20
    private static let mostFields: UInt64 = 64
    private static let mostItems: UInt64 = 1024
    /// Of items in one another.
    private static let deepest = 8

    init(_ bytes: ByteBuffer) { rest = bytes }

    /// The fields of a map, by key in small letters; the last of a name counts.
    mutating func fields() throws(ForwardFault) -> [String: CBORValue] {
        let (major, count) = try head()
        guard major == 5, count <= Self.mostFields else { throw .invalid("no map") }
        var fields: [String: CBORValue] = [:]
        for _ in 0..<count {
            guard case .text(let name) = try item(0) else { throw .invalid("a key is no text") }
            fields[name.lowercased()] = try item(0)
        }
        return fields
    }

    private mutating func item(_ depth: Int) throws(ForwardFault) -> CBORValue {
        guard depth < Self.deepest else { throw .invalid("too deep") }
        let (major, number) = try head()
        switch major {
        case 0: return .number(number)
        case 2: return .bytes(try take(number))
        case 3: return .text(String(buffer: try take(number)))
        case 4, 5:
            guard number <= Self.mostItems else { throw .invalid("too many items") }
            for _ in 0..<(major == 4 ? number : 2 * number) { _ = try item(depth + 1) }
            return .other
        case 6: return try item(depth + 1)
        case 7 where number == 20: return .truth(false)
        case 7 where number == 21: return .truth(true)
        default: return .other
        }
    }

    private mutating func take(_ count: UInt64) throws(ForwardFault) -> ByteBuffer {
        guard count <= Self.longest else { throw .invalid("too long") }
        guard let bytes = rest.readSlice(length: Int(count)) else { throw .incomplete }
        return bytes
    }

    /// The major type and the argument; indefinite lengths are not in use here.
    private mutating func head() throws(ForwardFault) -> (major: UInt8, argument: UInt64) {
        guard let first = rest.readInteger(as: UInt8.self) else { throw .incomplete }
        let argument: UInt64?
        switch first & 31 {
        case 24: argument = rest.readInteger(as: UInt8.self).map { UInt64($0) }
        case 25: argument = rest.readInteger(as: UInt16.self).map { UInt64($0) }
        case 26: argument = rest.readInteger(as: UInt32.self).map { UInt64($0) }
        case 27: argument = rest.readInteger(as: UInt64.self)
        case 28...31: throw .invalid("an indefinite length")
        default: argument = UInt64(first & 31)
        }
        guard let argument else { throw .incomplete }
        return (first >> 5, argument)
    }
}

enum CBORValue: Hashable {
    case number(UInt64)
    case bytes(ByteBuffer)
    case text(String)
    case truth(Bool)
    /// Null, and what is not looked at.
    case other
}

extension [String: CBORValue] {
    func number(_ name: String) throws(ForwardFault) -> UInt64 {
        guard case .number(let number)? = self[name] else { throw .invalid("no \(name)") }
        return number
    }

    func text(_ name: String) throws(ForwardFault) -> String {
        guard case .text(let text)? = self[name] else { throw .invalid("no \(name)") }
        return text
    }

    /// Empty for null.
    func bytes(_ name: String) throws(ForwardFault) -> ByteBuffer {
        switch self[name] {
        case .bytes(let bytes): return bytes
        case .other: return ByteBuffer()
        default: throw .invalid("no \(name)")
        }
    }
}
