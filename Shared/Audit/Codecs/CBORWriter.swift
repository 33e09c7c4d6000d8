import NIOCore

/// Appends CBOR items (RFC 8949) in the subset that recordings use: shortest integers, definite
/// lengths, text keys in the order given.
extension ByteBuffer {
    /// An item's first byte and its argument in the shortest form (RFC 8949 §3).
    mutating func writeCBORHead(_ major: UInt8, _ argument: UInt64) {
        let type = major << 5
        switch argument {
        case 0..<24: writeInteger(type | UInt8(truncatingIfNeeded: argument))
        case 24..<0x100:
            writeInteger(type | 24)
            writeInteger(UInt8(truncatingIfNeeded: argument))
        case 0x100..<0x1_0000:
            writeInteger(type | 25)
            writeInteger(UInt16(truncatingIfNeeded: argument))
        case 0x1_0000..<0x1_0000_0000:
            writeInteger(type | 26)
            writeInteger(UInt32(truncatingIfNeeded: argument))
        default:
            writeInteger(type | 27)
            writeInteger(argument)
        }
    }

    mutating func writeCBOR(_ text: String) {
        writeCBORHead(3, UInt64(text.utf8.count))
        writeString(text)
    }

    mutating func writeCBORSigned(_ number: Int64) {
        if number >= 0 {
            writeCBORHead(0, UInt64(number))
        } else {
            writeCBORHead(1, UInt64(bitPattern: ~number))
        }
    }

    mutating func writeCBORNull() { writeInteger(UInt8(0xF6)) }

    mutating func writeCBOR(_ entries: [AuditField.Entry]) {
        writeCBORHead(5, UInt64(entries.count))
        for entry in entries {
            writeCBOR(entry.key)
            writeCBOR(entry.value)
        }
    }

    mutating func writeCBOR(_ field: AuditField) {
        switch field {
        case .text(let text): writeCBOR(text)
        case .number(let number): writeCBORHead(0, number)
        case .flag(let flag): writeInteger(flag ? 0xF5 : UInt8(0xF4))
        case .bytes(nil), .data(nil), .list(nil): writeCBORNull()
        case .bytes(let bytes?):
            writeCBORHead(2, UInt64(bytes.count))
            writeBytes(bytes)
        case .data(let data?):
            writeCBORHead(2, UInt64(data.readableBytes))
            writeImmutableBuffer(data)
        case .list(let maps?):
            writeCBORHead(4, UInt64(maps.count))
            for map in maps { writeCBOR(map) }
        }
    }

    /// The envelope, a map of exactly five entries in this order, up to the payload.
    mutating func writeCBORBeginning(of message: AuditMessage) {
        writeCBORHead(5, 5)
        writeCBOR("connectionId")
        writeCBOR(message.connectionID)
        writeCBOR("timestamp")
        writeCBORSigned(message.timestamp)
        writeCBOR("type")
        writeCBORSigned(Int64(message.event.kind.number))
        writeCBOR("payload")
    }

    /// The envelope behind the payload.
    mutating func writeCBOREnd(of message: AuditMessage) {
        writeCBOR("channelId")
        if let channel = message.channelID {
            writeCBORHead(0, channel)
        } else {
            writeCBORNull()
        }
    }
}
