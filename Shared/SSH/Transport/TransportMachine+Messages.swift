import NIOCore

/// What each incoming message leads to.
extension TransportMachine {
    mutating func process(
        _ packet: ByteBuffer,
        into out: inout ByteBuffer
    ) throws(TransportError) -> TransportEvent? {
        guard let number = packet.getInteger(at: packet.readerIndex, as: UInt8.self) else {
            throw .badPadding
        }
        if ignoresNextPacket, (30..<50).contains(number) {
            ignoresNextPacket = false
            return nil
        }
        guard let message = MessageNumber(rawValue: number) else {
            return try unknown(number, into: &out)
        }
        try checkPlace(of: message)
        var contents = packet
        contents.moveReaderIndex(forwardBy: 1)
        switch message {
        case .keyExchangeInit:
            try receivedInit(packet, contents, into: &out)
            return nil
        case .keyExchangeMethodInit, .keyExchangeMethodReply:
            try receivedMethodMessage(message, contents, into: &out)
            return nil
        case .newKeys: return try receivedNewKeys(contents)
        case .disconnect, .ignore, .unimplemented, .debug, .extensionInfo, .ping, .pong:
            return try generic(message, contents, into: &out)
        case .newCompress: throw .unexpectedMessage(number)
        default: return .payload(packet)
        }
    }

    /// Throws when the state of the key exchange forbids the message (RFC 4253 §7.1, OpenSSH's
    /// PROTOCOL §1.10).
    private func checkPlace(of message: MessageNumber) throws(TransportError) {
        switch message {
        case .disconnect, .keyExchangeInit, .newKeys, .keyExchangeMethodInit,
            .keyExchangeMethodReply:
            return
        case .ignore, .unimplemented, .debug:
            guard !isStrictlyExchanging else { throw .strictKeyExchangeViolated(message.rawValue) }
        default:
            guard !isStrictlyExchanging else { throw .strictKeyExchangeViolated(message.rawValue) }
            guard !isPeerExchanging else { throw .unexpectedMessage(message.rawValue) }
        }
    }

    /// The first exchange, under strict rules, which both KEXINITs have agreed on.
    private var isStrictlyExchanging: Bool {
        strict && facts == nil
    }

    /// Between the peer's KEXINIT and its NEWKEYS, and before the first keys.
    private var isPeerExchanging: Bool {
        switch exchange {
        case .none: false
        case .initSent: facts == nil
        case .running, .newKeysAwaited: true
        }
    }

    private mutating func unknown(
        _ number: UInt8,
        into out: inout ByteBuffer
    ) throws(TransportError) -> TransportEvent? {
        guard facts != nil else {
            throw strict ? .strictKeyExchangeViolated(number) : .unexpectedMessage(number)
        }
        try sendUnimplemented(into: &out)
        return .ignored
    }

    private mutating func generic(
        _ message: MessageNumber,
        _ contents: ByteBuffer,
        into out: inout ByteBuffer
    ) throws(TransportError) -> TransportEvent? {
        var contents = contents
        do {
            switch message {
            case .disconnect:
                let said = try DisconnectMessage(reading: &contents)
                close()
                return .disconnected(said.reason, text: said.text)
            case .unimplemented: return .unimplemented(try contents.readSSHUInt32())
            case .extensionInfo: return .extensionInfo(try ExtensionInfo(reading: &contents))
            case .ping:
                let data = try contents.readSSHString()
                try send(into: &out) { buffer in
                    buffer.writeSSHMessage(.pong)
                    buffer.writeSSHString(data)
                }
                return .ignored
            default: return .ignored
            }
        } catch let error as TransportError {
            throw error
        } catch {
            throw .malformedMessage(message.rawValue)
        }
    }
}
