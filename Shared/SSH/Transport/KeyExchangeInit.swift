import NIOCore

/// The KEXINIT message (RFC 4253 §7.1).
struct KeyExchangeInit: Hashable {
    var keyExchanges: [String] = []
    var hostKeys: [String] = []
    var ciphersToServer: [String] = []
    var ciphersToClient: [String] = []
    var macsToServer: [String] = []
    var macsToClient: [String] = []
    var compressionsToServer: [String] = ["none"]
    var compressionsToClient: [String] = ["none"]
    var firstPacketFollows = false

    static let strictServer = "kex-strict-s-v00@openssh.com"
    static let strictClient = "kex-strict-c-v00@openssh.com"
    static let extensionsWanted = "ext-info-c"

    /// What a side with these settings offers. The two markers belong to the first exchange only
    /// (RFC 8308 §2.1, OpenSSH's PROTOCOL §1.10).
    init(_ settings: TransportSettings, role: TransportRole, isFirst: Bool) {
        let algorithms = settings.algorithms
        keyExchanges = algorithms.keyExchanges.map(\.rawValue)
        if isFirst {
            if role == .client { keyExchanges.append(Self.extensionsWanted) }
            keyExchanges.append(role == .client ? Self.strictClient : Self.strictServer)
        }
        hostKeys = algorithms.hostKeys
            .filter { role == .client ? !$0.isCertificate : settings.proof(by: $0) != nil }
            .map(\.rawValue)
        ciphersToServer = algorithms.ciphers.map(\.rawValue)
        ciphersToClient = ciphersToServer
        macsToServer = algorithms.macs.map(\.rawValue)
        macsToClient = macsToServer
    }

    /// Reads what follows the message number.
    init(reading payload: inout ByteBuffer) throws(WireError) {
        guard payload.readableBytes >= 16 else { throw .truncated }
        payload.moveReaderIndex(forwardBy: 16)
        keyExchanges = try payload.readSSHNameList()
        hostKeys = try payload.readSSHNameList()
        ciphersToServer = try payload.readSSHNameList()
        ciphersToClient = try payload.readSSHNameList()
        macsToServer = try payload.readSSHNameList()
        macsToClient = try payload.readSSHNameList()
        compressionsToServer = try payload.readSSHNameList()
        compressionsToClient = try payload.readSSHNameList()
        _ = try payload.readSSHNameList()
        _ = try payload.readSSHNameList()
        firstPacketFollows = try payload.readSSHBoolean()
        _ = try payload.readSSHUInt32()
        try payload.requireSSHEnd()
    }

    /// The whole message, its number first, with a fresh cookie.
    func payload() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(1024)
        buffer.writeSSHMessage(.keyExchangeInit)
        var random = SystemRandomNumberGenerator()
        buffer.writeMultipleIntegers(random.next() as UInt64, random.next() as UInt64)
        for names in [
            keyExchanges, hostKeys, ciphersToServer, ciphersToClient, macsToServer, macsToClient,
            compressionsToServer, compressionsToClient, [], [],
        ] {
            buffer.writeSSHNameList(names)
        }
        buffer.writeSSHBoolean(firstPacketFollows)
        buffer.writeInteger(0, as: UInt32.self)
        return buffer
    }
}
