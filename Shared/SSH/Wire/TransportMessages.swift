package import NIOCore

/// DISCONNECT (RFC 4253 §11.1).
package struct DisconnectMessage: Sendable, Hashable {
    package var reason: DisconnectReason
    /// For people; cut at 1 KiB when read.
    package var text: String

    package init(reason: DisconnectReason, text: String) {
        self.reason = reason
        self.text = text
    }

    /// Reads what follows the message number. Clients leave out the language, some the text.
    init(reading payload: inout ByteBuffer) throws(WireError) {
        reason = DisconnectReason(rawValue: try payload.readSSHUInt32())
        var bytes = payload.readableBytes >= 4 ? try payload.readSSHString() : ByteBuffer()
        let shown = bytes.readSlice(length: min(bytes.readableBytes, 1024)) ?? ByteBuffer()
        text = String(decoding: shown.readableBytesView, as: UTF8.self)
    }

    package func write(into buffer: inout ByteBuffer) {
        buffer.writeSSHMessage(.disconnect)
        buffer.writeInteger(reason.rawValue)
        buffer.writeSSHString(text)
        buffer.writeSSHString("")
    }
}

/// EXT_INFO (RFC 8308 §2.3): what the sender supports, by name.
package struct ExtensionInfo: Sendable, Hashable {
    package var entries: [Entry]

    package struct Entry: Sendable, Hashable {
        package var name: String
        package var value: [UInt8]

        package init(name: String, value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package init(entries: [Entry]) {
        self.entries = entries
    }

    /// The most entries that are read; seven are registered.
    static let maximumEntries: UInt32 = 64

    init(reading payload: inout ByteBuffer) throws(WireError) {
        let count = try payload.readSSHUInt32()
        guard count <= Self.maximumEntries else { throw .tooLong }
        entries = []
        for _ in 0..<count {
            let name = try payload.readSSHText(limit: 256)
            entries.append(Entry(name: name, value: try payload.readSSHBytes(limit: 8192)))
        }
    }

    package func write(into buffer: inout ByteBuffer) {
        buffer.writeSSHMessage(.extensionInfo)
        buffer.writeInteger(UInt32(clamping: entries.count))
        for entry in entries {
            buffer.writeSSHString(entry.name)
            buffer.writeSSHString(entry.value)
        }
    }
}
