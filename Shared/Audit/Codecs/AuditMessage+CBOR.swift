import NIOCore

/// Why a CBOR item is no message.
enum AuditMessageError: Error, Hashable {
    /// A key has a value of the wrong type.
    case mismatch(key: String)
    /// The item is no map.
    case notAMap
    case unknownType(Int64)
}

extension AuditMessage {
    /// Reads a message as the original does: keys in any order and case, missing keys are zero
    /// values, unknown keys are ignored, integers are cut to their field.
    init(_ item: CBORValue) throws(AuditMessageError) {
        let envelope = try FieldReader(item)
        connectionID = try envelope.text("connectionId")
        timestamp = try envelope.signed("timestamp")
        channelID = try envelope.optionalNumber("channelId")
        let type = try envelope.signed("type")
        let payload = envelope["payload"] ?? .null
        guard let read = AuditEvent.readers[type] else { throw .unknownType(type) }
        event = try read(payload == .null ? FieldReader() : try FieldReader(payload))
    }
}

/// Looks up the keys of a map.
struct FieldReader {
    private var values: [String: CBORValue] = [:]

    init() {}

    init(_ item: CBORValue) throws(AuditMessageError) {
        guard case .map(let entries) = item else { throw .notAMap }
        for (key, value) in entries {
            guard case .text(let name) = key else { continue }
            let text = String(repairing: name.readableBytesView)
            if values[text] == nil { values[text] = value }
        }
    }

    /// The value of a key: the exact one, else one that differs only in case.
    subscript(key: String) -> CBORValue? {
        if let exact = values[key] { return exact }
        let lowered = key.lowercased()
        return values.first { $0.key.lowercased() == lowered }?.value
    }

    func text(_ key: String) throws(AuditMessageError) -> String {
        switch self[key] {
        case nil, .null: return ""
        case .text(let bytes): return String(repairing: bytes.readableBytesView)
        default: throw .mismatch(key: key)
        }
    }

    func number(_ key: String) throws(AuditMessageError) -> UInt64 {
        try optionalNumber(key) ?? 0
    }

    func number32(_ key: String) throws(AuditMessageError) -> UInt32 {
        UInt32(truncatingIfNeeded: try number(key))
    }

    func optionalNumber(_ key: String) throws(AuditMessageError) -> UInt64? {
        switch self[key] {
        case nil, .null: return nil
        case .unsigned(let number): return number
        default: throw .mismatch(key: key)
        }
    }

    func signed(_ key: String) throws(AuditMessageError) -> Int64 {
        switch self[key] {
        case nil, .null: return 0
        case .unsigned(let number) where number <= UInt64(Int64.max): return Int64(number)
        case .negative(let argument) where argument <= UInt64(Int64.max): return ~Int64(argument)
        default: throw .mismatch(key: key)
        }
    }

    func flag(_ key: String) throws(AuditMessageError) -> Bool {
        switch self[key] {
        case nil, .null: return false
        case .flag(let flag): return flag
        default: throw .mismatch(key: key)
        }
    }

    func data(_ key: String) throws(AuditMessageError) -> ByteBuffer? {
        switch self[key] {
        case nil, .null: return nil
        case .bytes(let bytes): return bytes
        default: throw .mismatch(key: key)
        }
    }

    func bytes(_ key: String) throws(AuditMessageError) -> [UInt8]? {
        (try data(key)).map { Array($0.readableBytesView) }
    }

    func list(_ key: String) throws(AuditMessageError) -> [FieldReader]? {
        switch self[key] {
        case nil, .null: return nil
        case .array(let items):
            var readers: [FieldReader] = []
            for item in items { readers.append(try FieldReader(item)) }
            return readers
        default: throw .mismatch(key: key)
        }
    }
}
