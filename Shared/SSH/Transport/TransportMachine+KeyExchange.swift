import NIOCore

/// Key exchange (RFC 4253 §7 to §9) in both roles.
extension TransportMachine {
    /// How far an exchange has come.
    enum Exchange {
        case none
        /// Our KEXINIT, whole, went out; the peer's has not arrived.
        case initSent(KeyExchangeInit, ByteBuffer)
        /// Both KEXINITs are there; the server awaits the client's public value, or back.
        case running(RunningExchange)
        /// Our NEWKEYS went out; the peer's has not arrived.
        case newKeysAwaited(PacketProtection, HandshakeFacts)
    }

    struct RunningExchange {
        var algorithms: NegotiatedAlgorithms
        var clientInit: ByteBuffer
        var serverInit: ByteBuffer
        /// Client only.
        var agreement: ClientKeyAgreement?
    }

    mutating func beginExchange(into out: inout ByteBuffer) throws(TransportError) {
        var settings = settings
        if role == .server {
            let quirks = PeerQuirks(identification: peerIdentification)
            settings.algorithms = quirks.completed(settings.algorithms)
        }
        let offer = KeyExchangeInit(settings, role: role, isFirst: sessionID == nil)
        let message = offer.payload()
        exchange = .initSent(offer, message)
        try write(into: &out) { $0.writeImmutableBuffer(message) }
    }

    mutating func receivedInit(
        _ packet: ByteBuffer,
        _ contents: ByteBuffer,
        into out: inout ByteBuffer
    ) throws(TransportError) {
        if case .none = exchange { try beginExchange(into: &out) }
        guard case .initSent(let own, let ownMessage) = exchange else {
            throw .unexpectedMessage(MessageNumber.keyExchangeInit.rawValue)
        }
        var contents = contents
        guard let peer = try? KeyExchangeInit(reading: &contents) else {
            throw .malformedMessage(MessageNumber.keyExchangeInit.rawValue)
        }
        if sessionID == nil { try readMarkers(peer) }
        let isServer = role == .server
        let algorithms = try NegotiatedAlgorithms(
            client: isServer ? peer : own,
            server: isServer ? own : peer,
            role: role
        )
        ignoresNextPacket =
            isServer ? algorithms.isClientGuessWrong : algorithms.isServerGuessWrong
        var running = RunningExchange(
            algorithms: algorithms,
            clientInit: isServer ? packet : ownMessage,
            serverInit: isServer ? ownMessage : packet
        )
        if role == .client {
            let agreement = try ClientKeyAgreement(algorithms.keyExchange)
            running.agreement = agreement
            try write(into: &out) { buffer in
                buffer.writeSSHMessage(.keyExchangeMethodInit)
                buffer.writeSSHString(agreement.publicValue)
            }
        }
        exchange = .running(running)
    }

    /// What the first KEXINIT says beside algorithms. Under strict rules it must have been the
    /// first packet.
    private mutating func readMarkers(_ peer: KeyExchangeInit) throws(TransportError) {
        peerWantsExtensions = peer.keyExchanges.contains(KeyExchangeInit.extensionsWanted)
        strict = peer.keyExchanges.contains(
            role == .server ? KeyExchangeInit.strictClient : KeyExchangeInit.strictServer
        )
        guard !strict || lastSequence == 0 else {
            throw .strictKeyExchangeViolated(MessageNumber.keyExchangeInit.rawValue)
        }
    }

    mutating func receivedMethodMessage(
        _ message: MessageNumber,
        _ contents: ByteBuffer,
        into out: inout ByteBuffer
    ) throws(TransportError) {
        let awaited: MessageNumber =
            role == .server ? .keyExchangeMethodInit : .keyExchangeMethodReply
        guard case .running(let running) = exchange, message == awaited else {
            throw isExchangingFirst && strict
                ? .strictKeyExchangeViolated(message.rawValue)
                : .unexpectedMessage(message.rawValue)
        }
        var contents = contents
        do {
            if role == .server {
                let clientPublic = try contents.readSSHString()
                try contents.requireSSHEnd()
                try answer(clientPublic, running, into: &out)
            } else {
                let hostKey = try contents.readSSHBytes(limit: SSHPublicKey.maximumLength)
                let serverPublic = try contents.readSSHString()
                let signature = try contents.readSSHBytes(limit: SSHPublicKey.maximumLength)
                try contents.requireSSHEnd()
                let reply = ServerReply(hostKey: hostKey, value: serverPublic, signature: signature)
                try accept(reply, running, into: &out)
            }
        } catch let error as TransportError {
            throw error
        } catch {
            throw .malformedMessage(message.rawValue)
        }
    }

    private var isExchangingFirst: Bool { facts == nil }

    private struct ServerReply {
        var hostKey: [UInt8]
        var value: ByteBuffer
        var signature: [UInt8]
    }

    /// Server: computes the secret, proves the host key, and turns to the new keys.
    private mutating func answer(
        _ clientPublic: ByteBuffer,
        _ running: RunningExchange,
        into out: inout ByteBuffer
    ) throws(TransportError) {
        let algorithm = running.algorithms.hostKey
        guard let (hostKey, hostKeyBlob) = settings.proof(by: algorithm) else {
            throw .cryptographyFailed
        }
        let method = running.algorithms.keyExchange
        let agreement = try ServerKeyAgreement(method, clientPublic: clientPublic)
        let transcript = transcript(
            running,
            hostKey: hostKeyBlob,
            clientPublic: clientPublic,
            serverPublic: agreement.publicValue
        )
        let hash = transcript.hash(agreement.secret, with: method.hash)
        guard let signature = try? hostKey.signature(over: hash, algorithm: algorithm) else {
            throw .cryptographyFailed
        }
        try write(into: &out) { buffer in
            buffer.writeSSHMessage(.keyExchangeMethodReply)
            buffer.writeSSHString(hostKeyBlob)
            buffer.writeSSHString(agreement.publicValue)
            buffer.writeSSHString(signature)
        }
        try turn(to: agreement.secret, hash, running.algorithms, into: &out)
    }

    /// Client: computes the secret, checks the host key, and turns to the new keys.
    private mutating func accept(
        _ reply: ServerReply,
        _ running: RunningExchange,
        into out: inout ByteBuffer
    ) throws(TransportError) {
        guard let hostKey = try? SSHPublicKey(blob: reply.hostKey) else {
            throw .badHostKeySignature
        }
        guard let agreement = running.agreement else { throw .cryptographyFailed }
        let method = running.algorithms.keyExchange
        let secret = try agreement.finish(reply.value)
        let transcript = transcript(
            running,
            hostKey: reply.hostKey,
            clientPublic: agreement.publicValue,
            serverPublic: reply.value
        )
        let hash = transcript.hash(secret, with: method.hash)
        guard let algorithm = running.algorithms.hostKey.signature,
            hostKey.verifies(reply.signature, over: hash, algorithm: algorithm)
        else {
            throw .badHostKeySignature
        }
        guard settings.isHostKeyTrusted?(hostKey) == true else { throw .hostKeyNotTrusted }
        try turn(to: secret, hash, running.algorithms, into: &out)
    }

    private func transcript(
        _ running: RunningExchange,
        hostKey: [UInt8],
        clientPublic: ByteBuffer,
        serverPublic: ByteBuffer
    ) -> ExchangeTranscript {
        let isServer = role == .server
        return ExchangeTranscript(
            clientIdentification: isServer ? peerIdentification : settings.identification,
            serverIdentification: isServer ? settings.identification : peerIdentification,
            clientInit: running.clientInit,
            serverInit: running.serverInit,
            hostKey: hostKey,
            clientPublic: clientPublic,
            serverPublic: serverPublic
        )
    }

    /// Sends NEWKEYS and uses the new keys for what we send; the peer's side waits for its own.
    private mutating func turn(
        to secret: SharedSecret,
        _ hash: [UInt8],
        _ algorithms: NegotiatedAlgorithms,
        into out: inout ByteBuffer
    ) throws(TransportError) {
        try write(into: &out) { $0.writeSSHMessage(.newKeys) }
        let isFirst = sessionID == nil
        let session = sessionID ?? hash
        sessionID = session
        let keys = KeyDerivation(
            secret: secret,
            exchangeHash: hash,
            sessionID: session,
            hash: algorithms.keyExchange.hash
        )
        let isServer = role == .server
        let sending = try PacketProtection(
            isServer ? algorithms.toClient : algorithms.toServer,
            keys,
            isToServer: !isServer,
            encrypts: true
        )
        let receiving = try PacketProtection(
            isServer ? algorithms.toServer : algorithms.toClient,
            keys,
            isToServer: isServer,
            encrypts: false
        )
        writer.use(sending, resetsSequence: strict)
        exchange = .newKeysAwaited(receiving, handshakeFacts(algorithms))
        if isFirst { try announceExtensions(into: &out) }
        try releaseHeld(into: &out)
    }

    /// RFC 8308 §2.4: the first packet after the server's first NEWKEYS.
    private mutating func announceExtensions(into out: inout ByteBuffer) throws(TransportError) {
        guard role == .server, peerWantsExtensions else { return }
        let algorithms = settings.userKeyAlgorithms.joined(separator: ",")
        let extensions = ExtensionInfo(entries: [
            .init(name: "server-sig-algs", value: Array(algorithms.utf8)),
            .init(name: "ping@openssh.com", value: Array("0".utf8)),
        ])
        try write(into: &out) { extensions.write(into: &$0) }
    }

    private func handshakeFacts(_ algorithms: NegotiatedAlgorithms) -> HandshakeFacts {
        HandshakeFacts(
            clientVersion: role == .server ? peerIdentification : settings.identification,
            keyExchange: algorithms.keyExchange.rawValue,
            hostKeyAlgorithm: algorithms.hostKey.rawValue,
            inboundCipher: algorithms.toServer.cipher.rawValue,
            outboundCipher: algorithms.toClient.cipher.rawValue,
            inboundMAC: algorithms.toServer.mac?.rawValue,
            outboundMAC: algorithms.toClient.mac?.rawValue,
            isStrict: strict
        )
    }

    mutating func receivedNewKeys(
        _ contents: ByteBuffer
    ) throws(TransportError) -> TransportEvent? {
        guard case .newKeysAwaited(let protection, let newFacts) = exchange,
            contents.readableBytes == 0, let sessionID
        else {
            throw .unexpectedMessage(MessageNumber.newKeys.rawValue)
        }
        reader.use(protection, resetsSequence: strict)
        exchange = .none
        let isFirst = facts == nil
        facts = newFacts
        return isFirst ? .established(newFacts, sessionID: sessionID) : .rekeyed
    }
}
