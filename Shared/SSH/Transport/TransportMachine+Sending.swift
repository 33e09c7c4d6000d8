import DequeModule
import NIOCore

extension TransportMachine {
    /// Writes a packet now, whatever is being exchanged.
    mutating func write(
        into out: inout ByteBuffer,
        _ body: (inout ByteBuffer) -> Void
    ) throws(TransportError) {
        do {
            try writer.write(into: &out, body)
        } catch {
            close()
            throw error
        }
    }

    mutating func hold(_ message: ByteBuffer) throws(TransportError) {
        guard heldBytes + message.readableBytes <= settings.maximumHeldBytes else {
            close()
            throw .tooMuchHeldBack
        }
        heldBytes += message.readableBytes
        held.append(message)
    }

    /// Sends what was held back; our NEWKEYS has gone out.
    mutating func releaseHeld(into out: inout ByteBuffer) throws(TransportError) {
        while let message = held.popFirst() {
            heldBytes -= message.readableBytes
            try write(into: &out) { $0.writeImmutableBuffer(message) }
        }
    }

    /// Begins an exchange when either direction's key has protected enough.
    mutating func rekeyIfDue(into out: inout ByteBuffer) throws(TransportError) {
        let limit = settings.rekeyLimit
        guard writer.usage.exceeds(limit) || reader.usage.exceeds(limit) else { return }
        try requestRekey(into: &out)
    }
}
