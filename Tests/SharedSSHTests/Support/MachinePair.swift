import NIOCore
import Testing

@testable import SharedSSH

/// A client and a server machine whose bytes a test carries over.
struct MachinePair {
    var client: TransportMachine
    var server: TransportMachine
    /// Bytes on their way.
    var toServer = ByteBuffer()
    var toClient = ByteBuffer()
    var clientEvents: [TransportEvent] = []
    var serverEvents: [TransportEvent] = []

    static let hostKey = SSHPrivateKey.fixed

    init(
        clientAlgorithms: TransportAlgorithms = TransportAlgorithms(),
        serverAlgorithms: TransportAlgorithms = TransportAlgorithms(),
        hostKeys: [SSHPrivateKey] = [Self.hostKey],
        rekeyLimit: RekeyLimit = RekeyLimit()
    ) {
        client = TransportMachine(
            role: .client,
            settings: TransportSettings(
                identification: "SSH-2.0-Test_Client",
                algorithms: clientAlgorithms,
                isHostKeyTrusted: { key in hostKeys.contains { $0.publicKey == key } },
                rekeyLimit: rekeyLimit
            )
        )
        server = TransportMachine(
            role: .server,
            settings: TransportSettings(
                algorithms: serverAlgorithms,
                hostKeys: hostKeys,
                rekeyLimit: rekeyLimit
            )
        )
    }

    /// A pair that has finished its first exchange.
    static func established(
        clientAlgorithms: TransportAlgorithms = TransportAlgorithms(),
        serverAlgorithms: TransportAlgorithms = TransportAlgorithms(),
        hostKeys: [SSHPrivateKey] = [Self.hostKey],
        rekeyLimit: RekeyLimit = RekeyLimit()
    ) throws -> MachinePair {
        var pair = MachinePair(
            clientAlgorithms: clientAlgorithms,
            serverAlgorithms: serverAlgorithms,
            hostKeys: hostKeys,
            rekeyLimit: rekeyLimit
        )
        try pair.start()
        try pair.run()
        try #require(pair.clientFacts != nil && pair.serverFacts != nil)
        return pair
    }

    mutating func start() throws {
        try client.start(into: &toServer)
        try server.start(into: &toClient)
    }

    /// Carries bytes both ways, `chunk` at a time, until none are left.
    mutating func run(chunk: Int = .max) throws {
        while toServer.readableBytes > 0 || toClient.readableBytes > 0 {
            try deliverToServer(chunk: chunk)
            try deliverToClient(chunk: chunk)
        }
    }

    mutating func deliverToServer(chunk: Int = .max) throws {
        while let bytes = toServer.readSlice(length: min(chunk, toServer.readableBytes)),
            bytes.readableBytes > 0
        {
            server.received(bytes)
            while let event = try server.nextEvent(into: &toClient) { serverEvents.append(event) }
        }
    }

    mutating func deliverToClient(chunk: Int = .max) throws {
        while let bytes = toClient.readSlice(length: min(chunk, toClient.readableBytes)),
            bytes.readableBytes > 0
        {
            client.received(bytes)
            while let event = try client.nextEvent(into: &toServer) { clientEvents.append(event) }
        }
    }

    mutating func clientSends(_ bytes: [UInt8]) throws {
        try client.send(ByteBuffer(bytes: bytes), into: &toServer)
    }

    mutating func serverSends(_ bytes: [UInt8]) throws {
        try server.send(ByteBuffer(bytes: bytes), into: &toClient)
    }

    var serverPayloads: [[UInt8]] { Self.payloads(serverEvents) }
    var clientPayloads: [[UInt8]] { Self.payloads(clientEvents) }
    var serverFacts: HandshakeFacts? { Self.facts(serverEvents) }
    var clientFacts: HandshakeFacts? { Self.facts(clientEvents) }
    var serverRekeys: Int { Self.rekeys(serverEvents) }
    var clientRekeys: Int { Self.rekeys(clientEvents) }

    private static func payloads(_ events: [TransportEvent]) -> [[UInt8]] {
        events.compactMap { event in
            guard case .payload(let buffer) = event else { return nil }
            return Array(buffer.readableBytesView)
        }
    }

    private static func facts(_ events: [TransportEvent]) -> HandshakeFacts? {
        for case .established(let facts, _) in events { return facts }
        return nil
    }

    private static func rekeys(_ events: [TransportEvent]) -> Int {
        events.count { event in
            if case .rekeyed = event { true } else { false }
        }
    }
}

extension SSHPrivateKey {
    /// The same Ed25519 key in every test.
    static let fixed: SSHPrivateKey = {
        do {
            return try SSHPrivateKey.generateEd25519()
        } catch {
            preconditionFailure("Ed25519 keys can always be made")
        }
    }()
}

/// A channel message that the transport lets through, filled up to `size`.
func message(_ size: Int, fill: UInt8 = 0x5a) -> [UInt8] {
    [MessageNumber.channelData.rawValue] + [UInt8](repeating: fill, count: size)
}
