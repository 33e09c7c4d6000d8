import Foundation
package import NIOCore

/// The JSON inside batches and their answers.
package enum BatchJSON {
    /// Facts and replies are plain values that always encode; an empty buffer would be refused by
    /// the receiver.
    package static func encode(_ value: some Encodable) -> ByteBuffer {
        guard let data = try? JSONEncoder().encode(value) else { return ByteBuffer() }
        return ByteBuffer(bytes: data)
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from bytes: ByteBuffer
    ) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
    }
}
