import NIOCore

/// A decoded CBOR item (RFC 8949), as far as recordings need to tell items apart.
enum CBORValue: Sendable, Hashable {
    case unsigned(UInt64)
    /// The encoded argument: the value is −1 − argument.
    case negative(UInt64)
    case bytes(ByteBuffer)
    /// Not checked to be UTF-8.
    case text(ByteBuffer)
    case array([CBORValue])
    case map([(key: CBORValue, value: CBORValue)])
    case flag(Bool)
    case null
    /// Floats and simple values that no message uses.
    case other

    static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.unsigned(let a), .unsigned(let b)), (.negative(let a), .negative(let b)): a == b
        case (.bytes(let a), .bytes(let b)), (.text(let a), .text(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.map(let a), .map(let b)): a.elementsEqual(b, by: ==)
        case (.flag(let a), .flag(let b)): a == b
        case (.null, .null), (.other, .other): true
        default: false
        }
    }

    func hash(into hasher: inout Hasher) {
        if case .unsigned(let number) = self { hasher.combine(number) }
    }
}

/// Why bytes are no item. `.incomplete` means that more bytes may make them one.
enum CBORError: Error, Hashable {
    case incomplete
    case malformed
    case tooDeep
    case tooLarge
}

/// Reads items from the front of a buffer.
///
/// Nothing is reserved on the word of a length: memory grows only with bytes that are there. The
/// nesting is bounded, and so are the number of items and the size of a string.
struct CBORReader {
    /// Messages nest four deep; the rest is for keys that newer writers may add.
    static let maximumDepth = 16
    /// Far above any message: a writer records pieces of at most a few hundred KiB.
    static let maximumString = 16 << 20
    /// Items in one message. A byte of input may become an item of 40 bytes of memory.
    static let maximumItems = 1 << 16

    private(set) var bytes: ByteBuffer
    private var items = 0

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    /// The next item. After an error the position is undefined.
    mutating func next() throws(CBORError) -> CBORValue {
        items = 0
        return try item(depth: 0)
    }

    /// Takes a byte if it is the one given.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == byte else { return false }
        bytes.moveReaderIndex(forwardBy: 1)
        return true
    }

    /// The number of elements of the array that begins here; `nil` for an indefinite one.
    mutating func arrayHead() throws(CBORError) -> UInt64? {
        let first: UInt8 = try integer()
        guard first >> 5 == 4 else { throw .malformed }
        return first & 31 == 31 ? nil : try argument(first & 31)
    }

    private mutating func item(depth: Int) throws(CBORError) -> CBORValue {
        guard depth < Self.maximumDepth else { throw .tooDeep }
        items += 1
        guard items <= Self.maximumItems else { throw .tooLarge }
        let first: UInt8 = try integer()
        let major = first >> 5
        let info = first & 31
        switch (major, info) {
        case (0, _): return .unsigned(try argument(info))
        case (1, _): return .negative(try argument(info))
        case (2, 31): return .bytes(try pieces(of: 2))
        case (2, _): return .bytes(try string(info))
        case (3, 31): return .text(try pieces(of: 3))
        case (3, _): return .text(try string(info))
        case (4, _): return .array(try elements(info, depth: depth))
        case (5, _): return .map(try entries(info, depth: depth))
        case (6, _):
            _ = try argument(info)
            return try item(depth: depth + 1)
        default: return try simple(info)
        }
    }

    private mutating func integer<T: FixedWidthInteger>() throws(CBORError) -> T {
        guard let value = bytes.readInteger(as: T.self) else { throw .incomplete }
        return value
    }

    private mutating func argument(_ info: UInt8) throws(CBORError) -> UInt64 {
        switch info {
        case 0..<24: return UInt64(info)
        case 24: return UInt64(try integer() as UInt8)
        case 25: return UInt64(try integer() as UInt16)
        case 26: return UInt64(try integer() as UInt32)
        case 27: return try integer()
        default: throw .malformed
        }
    }

    private mutating func string(_ info: UInt8) throws(CBORError) -> ByteBuffer {
        let length = try argument(info)
        guard length <= Self.maximumString else { throw .tooLarge }
        guard let slice = bytes.readSlice(length: Int(length)) else { throw .incomplete }
        return slice
    }

    /// The pieces of a string of indefinite length (RFC 8949 §3.2.3), joined.
    private mutating func pieces(of major: UInt8) throws(CBORError) -> ByteBuffer {
        var whole = ByteBuffer()
        while true {
            let first: UInt8 = try integer()
            if first == 0xFF { return whole }
            guard first >> 5 == major, first & 31 != 31 else { throw .malformed }
            whole.writeImmutableBuffer(try string(first & 31))
            guard whole.readableBytes <= Self.maximumString else { throw .tooLarge }
        }
    }

    private mutating func elements(_ info: UInt8, depth: Int) throws(CBORError) -> [CBORValue] {
        var elements: [CBORValue] = []
        if info == 31 {
            while !skip(0xFF) { elements.append(try item(depth: depth + 1)) }
            return elements
        }
        var count = try argument(info)
        while count > 0 {
            elements.append(try item(depth: depth + 1))
            count -= 1
        }
        return elements
    }

    private mutating func entries(
        _ info: UInt8,
        depth: Int
    ) throws(CBORError) -> [(key: CBORValue, value: CBORValue)] {
        var entries: [(key: CBORValue, value: CBORValue)] = []
        if info == 31 {
            while !skip(0xFF) {
                entries.append((try item(depth: depth + 1), try item(depth: depth + 1)))
            }
            return entries
        }
        var count = try argument(info)
        while count > 0 {
            entries.append((try item(depth: depth + 1), try item(depth: depth + 1)))
            count -= 1
        }
        return entries
    }

    private mutating func simple(_ info: UInt8) throws(CBORError) -> CBORValue {
        switch info {
        case 20: return .flag(false)
        case 21: return .flag(true)
        case 22, 23: return .null
        case 28...31: throw .malformed
        default:
            _ = try argument(info)
            return .other
        }
    }
}
