/// What both sides' KEXINIT agree on (RFC 4253 §7.1).
struct NegotiatedAlgorithms: Hashable {
    var keyExchange: KeyExchangeMethod
    var hostKey: HostKeyAlgorithm
    var toServer: PacketAlgorithms
    var toClient: PacketAlgorithms
    /// The first packet after a KEXINIT that announced it is to be ignored.
    var isClientGuessWrong: Bool
    var isServerGuessWrong: Bool

    /// Takes the client's first choice that the server has, list by list.
    init(client: KeyExchangeInit, server: KeyExchangeInit, role: TransportRole)
        throws(TransportError)
    {
        func choose<T: RawRepresentable<String>>(
            _ item: NegotiationItem,
            _ list: KeyPath<KeyExchangeInit, [String]>
        ) throws(TransportError) -> T {
            let wanted = client[keyPath: list]
            let offered = server[keyPath: list]
            for name in wanted where offered.contains(name) {
                if let algorithm = T(rawValue: name) { return algorithm }
            }
            throw .noCommonAlgorithm(item, offered: role == .server ? wanted : offered)
        }
        keyExchange = try choose(.keyExchange, \.keyExchanges)
        hostKey = try choose(.hostKey, \.hostKeys)
        let cipherToServer: CipherAlgorithm = try choose(.cipherToServer, \.ciphersToServer)
        let cipherToClient: CipherAlgorithm = try choose(.cipherToClient, \.ciphersToClient)
        toServer = PacketAlgorithms(
            cipher: cipherToServer,
            mac: cipherToServer.isAuthenticated ? nil : try choose(.macToServer, \.macsToServer)
        )
        toClient = PacketAlgorithms(
            cipher: cipherToClient,
            mac: cipherToClient.isAuthenticated ? nil : try choose(.macToClient, \.macsToClient)
        )
        let _: Compression = try choose(.compressionToServer, \.compressionsToServer)
        let _: Compression = try choose(.compressionToClient, \.compressionsToClient)
        let isGuessRight =
            client.keyExchanges.first == server.keyExchanges.first
            && client.hostKeys.first == server.hostKeys.first
        isClientGuessWrong = client.firstPacketFollows && !isGuessRight
        isServerGuessWrong = server.firstPacketFollows && !isGuessRight
    }

    private enum Compression: String {
        case none
    }
}

/// How one direction's packets are protected.
struct PacketAlgorithms: Hashable {
    var cipher: CipherAlgorithm
    /// `nil` where the cipher authenticates.
    var mac: MACAlgorithm?
}
