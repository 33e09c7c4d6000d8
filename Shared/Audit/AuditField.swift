import NIOCore

/// A value inside a message's payload, as both encodings (CBOR and JSON) see it.
enum AuditField: Sendable, Hashable {
    case text(String)
    case number(UInt64)
    case flag(Bool)
    case bytes([UInt8]?)
    case data(ByteBuffer?)
    case list([[Entry]]?)

    /// A key with its value; keys are written in the order of the catalogue.
    struct Entry: Sendable, Hashable {
        let key: String
        let value: AuditField

        init(_ key: String, _ value: AuditField) {
            self.key = key
            self.value = value
        }
    }
}
