import DequeModule
package import NIOCore

/// One end of an SSH transport (RFC 4253): identification, key exchange, packets; no I/O, no clock.
///
/// How a shell uses it, on one event loop:
///
/// 1. `start(into:)` once; write what is in the buffer to the socket. (Each function that takes a
///    buffer appends to it, whole packets in order. Hand it to the socket as it is.)
/// 2. For bytes from the socket: `received(_:)`, then `nextEvent(into:)` until it returns `nil`,
///    and write the buffer, also when it throws.
/// 3. Upper layers send with `send(into:_:)` from the start on: while keys are exchanged
///    (`isRekeying`) messages are held back in order, up to `maximumHeldBytes`, and go out by
///    themselves. Whoever produces data stops while `isRekeying`; look again after each event.
/// 4. A timer for new keys calls `requestRekey(into:)`. Bytes and packets are counted here.
/// 5. An error from any function is final: call `disconnect(_:_:into:)` with its `reason` and
///    `text`, write the buffer, close. After an error, `disconnect` or `.disconnected` the machine
///    takes and gives nothing more.
///
/// After user authentication call `authenticationCompleted()`, which allows packets up to 256 KiB.
package struct TransportMachine {
    package let role: TransportRole
    let settings: TransportSettings
    var phase = Phase.idle
    var exchange = Exchange.none
    var reader = PacketReader()
    var writer = PacketWriter()
    var strict = false
    var peerWantsExtensions = false
    /// The peer guessed its first key exchange packet wrong; that one is thrown away.
    var ignoresNextPacket = false
    var held = Deque<ByteBuffer>()
    var heldBytes = 0
    var facts: HandshakeFacts?
    /// What arrived and was not looked at yet: the socket's memory, given back before the next
    /// read.
    private var arrived = ByteBuffer()
    /// The beginning of a packet whose rest has not arrived, in memory of its own.
    private var begun = ByteBuffer()
    private var versions: VersionExchange

    /// The hash of the first key exchange (RFC 4253 §7.2); `nil` before it is known.
    package internal(set) var sessionID: [UInt8]?
    /// The peer's identification line; empty before it has arrived.
    package internal(set) var peerIdentification = ""
    /// The sequence number of the packet that `nextEvent` returned last, for UNIMPLEMENTED.
    package private(set) var lastSequence: UInt32 = 0

    enum Phase {
        case idle
        case identification
        case packets
        case closed
    }

    package init(role: TransportRole, settings: TransportSettings) {
        self.role = role
        self.settings = settings
        versions = VersionExchange(role: role)
    }

    /// Whether messages of the upper layers are held back, from our KEXINIT to our NEWKEYS
    /// (RFC 4253 §7.1). True from the start until the first keys are there.
    package var isRekeying: Bool {
        switch exchange {
        case .none: sessionID == nil
        case .initSent, .running: true
        case .newKeysAwaited: false
        }
    }

    /// Whether keys are being exchanged, from the first KEXINIT, of whoever began, until both
    /// sides use the new keys.
    package var isExchangingKeys: Bool {
        switch exchange {
        case .none: false
        case .initSent, .running, .newKeysAwaited: true
        }
    }

    /// Whether the machine takes and gives anything.
    package var isClosed: Bool {
        if case .closed = phase { return true }
        return false
    }

    /// Sends our identification, and as a client KEXINIT, without waiting for the peer's
    /// (RFC 4253 §4.2, §7).
    ///
    /// A server's KEXINIT follows the client's identification, as it depends on it (`PeerQuirks`).
    /// That costs no round trip: clients send theirs at once.
    package mutating func start(into out: inout ByteBuffer) throws(TransportError) {
        guard case .idle = phase else { return }
        phase = .identification
        out.writeString(settings.identification)
        out.writeString("\r\n")
        if role == .client { try beginExchange(into: &out) }
    }

    /// Takes bytes from the socket; call `nextEvent` until it returns `nil` afterwards.
    package mutating func received(_ bytes: ByteBuffer) {
        guard !isClosed else { return }
        guard arrived.readableBytes > 0 else {
            arrived = bytes
            return
        }
        arrived.writeImmutableBuffer(bytes)
    }

    /// The next thing that happened, or `nil` when more bytes are needed.
    ///
    /// Answers that the transport itself owes are appended to `out`.
    package mutating func nextEvent(
        into out: inout ByteBuffer
    ) throws(TransportError) -> TransportEvent? {
        do {
            if case .identification = phase { return try nextIdentification(into: &out) }
            while case .packets = phase {
                lastSequence = reader.sequence
                guard let packet = try nextPacket() else { return nil }
                let event = try process(packet, into: &out)
                try rekeyIfDue(into: &out)
                if let event { return event }
            }
            return nil
        } catch {
            close()
            throw error
        }
    }

    /// Sends one message of an upper layer, its number first; `body` writes the message.
    ///
    /// While `isRekeying` it is held back. Nothing happens once the machine is closed.
    package mutating func send(
        into out: inout ByteBuffer,
        _ body: (inout ByteBuffer) -> Void
    ) throws(TransportError) {
        guard !isClosed else { return }
        guard !isRekeying else {
            var message = ByteBuffer()
            body(&message)
            try hold(message)
            return
        }
        try write(into: &out, body)
        try rekeyIfDue(into: &out)
    }

    /// Sends one message of an upper layer, its number first.
    package mutating func send(
        _ message: ByteBuffer,
        into out: inout ByteBuffer
    ) throws(TransportError) {
        try send(into: &out) { $0.writeImmutableBuffer(message) }
    }

    /// Answers the message that `nextEvent` returned last with UNIMPLEMENTED (RFC 4253 §11.4).
    package mutating func sendUnimplemented(into out: inout ByteBuffer) throws(TransportError) {
        guard !isClosed else { return }
        let sequence = lastSequence
        try write(into: &out) { buffer in
            buffer.writeSSHMessage(.unimplemented)
            buffer.writeInteger(sequence)
        }
    }

    /// Begins an exchange of new keys, unless one is under way or the first is not done.
    package mutating func requestRekey(into out: inout ByteBuffer) throws(TransportError) {
        guard case .packets = phase, case .none = exchange, sessionID != nil else { return }
        try beginExchange(into: &out)
    }

    /// Sends DISCONNECT and closes the machine; also after an error, where it can still be said.
    package mutating func disconnect(
        _ reason: DisconnectReason,
        _ text: String,
        into out: inout ByteBuffer
    ) {
        defer {
            close()
            isDisconnectSent = true
        }
        guard !isDisconnectSent, phase != .idle else { return }
        let message = DisconnectMessage(reason: reason, text: text)
        // Without a working cipher nothing can be said; the connection ends either way.
        try? writer.write(into: &out) { message.write(into: &$0) }
        guard isPeerStranger, reason == .protocolVersionNotSupported || reason == .protocolError
        else { return }
        out.writeString(text + "\r\n")
    }

    /// Whether the peer has shown that it does not speak SSH 2.0: it reads lines, if anything.
    private var isPeerStranger: Bool { role == .server && peerIdentification.isEmpty }

    /// Allows packets beyond the 35000 bytes of RFC 4253 §6.1.
    package mutating func authenticationCompleted() {
        reader.maximumLength = PacketReader.maximumLengthAfter
    }

    private var isDisconnectSent = false

    /// Nothing is taken and given any more.
    mutating func close() {
        phase = .closed
        arrived = ByteBuffer()
        begun = ByteBuffer()
        held.removeAll()
        heldBytes = 0
    }

    /// The next packet's payload; what has arrived of one that is not whole is put by.
    ///
    /// Only so much is copied as that packet takes: all others are decrypted where the socket
    /// has put them.
    private mutating func nextPacket() throws(TransportError) -> ByteBuffer? {
        while begun.readableBytes > 0 {
            if let packet = try reader.next(&begun) { return packet }
            guard topUp(by: reader.wanted - begun.readableBytes) else { return nil }
        }
        if let packet = try reader.next(&arrived) { return packet }
        guard arrived.readableBytes > 0 else {
            // An idle connection keeps no memory.
            begun = ByteBuffer()
            arrived = ByteBuffer()
            return nil
        }
        begun.clear(minimumCapacity: min(reader.wanted, Self.reservedForPacket))
        topUp(by: arrived.readableBytes)
        return nil
    }

    /// Moves up to `count` bytes to the packet that has begun; false when there are none.
    @discardableResult
    private mutating func topUp(by count: Int) -> Bool {
        let part = arrived.readSlice(length: min(count, arrived.readableBytes)) ?? ByteBuffer()
        if arrived.readableBytes == 0 { arrived = ByteBuffer() }
        begun.writeImmutableBuffer(part)
        return part.readableBytes > 0
    }

    /// A packet of the usual size finds room at once; a longer one has to arrive to get it.
    private static let reservedForPacket = 36 << 10

    private mutating func nextIdentification(
        into out: inout ByteBuffer
    ) throws(TransportError) -> TransportEvent? {
        topUp(by: arrived.readableBytes)
        guard let line = try versions.next(&begun) else { return nil }
        peerIdentification = line
        phase = .packets
        if role == .server { try beginExchange(into: &out) }
        return .versionReceived(line)
    }
}
