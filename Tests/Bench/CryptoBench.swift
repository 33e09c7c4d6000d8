import ArgumentParser
import NIOCore
import SharedSSH

/// Two transport machines in one thread, measured in CPU time: no socket, no kernel, only the protocol and its
/// cryptography.
struct CryptoBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crypto",
        abstract: "Handshakes per second, and MB/s of each cipher, of two SSH transport machines."
    )

    @Option(help: "Handshakes per key exchange method.")
    var handshakes = 1000

    @Option(help: "MiB to carry per cipher.")
    var mebibytes = 1024

    @Option(help: "Bytes per message.")
    var messageSize = 32768

    @Option(help: "Only algorithms whose name contains this.")
    var only = ""

    func run() throws {
        try Primitives(count: handshakes).measure()
        for method in KeyExchangeMethod.allCases where isWanted(method.rawValue) {
            try measureHandshakes(method)
        }
        for cipher in CipherAlgorithm.allCases where isWanted(cipher.rawValue) {
            for mac in macs(for: cipher) { try measureBulk(cipher, mac) }
        }
    }

    private func isWanted(_ name: String) -> Bool {
        only.isEmpty || name.contains(only)
    }

    private func macs(for cipher: CipherAlgorithm) -> [MACAlgorithm] {
        cipher.isAuthenticated ? [.sha256ETM] : MACAlgorithm.allCases
    }

    private func measureHandshakes(_ method: KeyExchangeMethod) throws {
        var server = Duration.zero
        var client = Duration.zero
        let hostKey = try SSHPrivateKey.generateEd25519()
        for _ in 0..<handshakes {
            var pair = BenchPair(TransportAlgorithms(keyExchanges: [method]), hostKey)
            try pair.handshake()
            server += pair.serverTime
            client += pair.clientTime
        }
        let each = server / handshakes
        let rate = Duration.seconds(1) / (server + client) * Double(handshakes)
        print(
            method.rawValue,
            "server \(each.microseconds) µs, client \((client / handshakes).microseconds) µs,",
            "\(Int(rate)) pairs/s"
        )
    }

    private func measureBulk(_ cipher: CipherAlgorithm, _ mac: MACAlgorithm) throws {
        let algorithms = TransportAlgorithms(ciphers: [cipher], macs: [mac])
        var pair = BenchPair(algorithms, try SSHPrivateKey.generateEd25519())
        try pair.handshake()
        let count = (mebibytes << 20) / messageSize
        let (sealing, opening) = try pair.carry(count, size: messageSize)
        let bytes = Double(count * messageSize)
        print(
            cipher.rawValue,
            cipher.isAuthenticated ? "" : mac.rawValue,
            "send \(rate(bytes, sealing)) MB/s, receive \(rate(bytes, opening)) MB/s"
        )
    }

    private func rate(_ bytes: Double, _ time: Duration) -> Int {
        Int(bytes / 1e6 * (Duration.seconds(1) / time))
    }
}

extension Duration {
    fileprivate var microseconds: Int { Int(self / .microseconds(1)) }
}

/// A client and a server machine, with the time each has worked.
struct BenchPair {
    private var client: TransportMachine
    private var server: TransportMachine
    private var toServer = ByteBuffer()
    private var toClient = ByteBuffer()
    private(set) var serverTime = Duration.zero
    private(set) var clientTime = Duration.zero
    private let clock = ThreadClock()

    init(_ algorithms: TransportAlgorithms, _ hostKey: SSHPrivateKey) {
        client = TransportMachine(
            role: .client,
            settings: TransportSettings(algorithms: algorithms, isHostKeyTrusted: { _ in true })
        )
        server = TransportMachine(
            role: .server,
            settings: TransportSettings(algorithms: algorithms, hostKeys: [hostKey])
        )
    }

    mutating func handshake() throws {
        let start = clock.now
        try client.start(into: &toServer)
        let middle = clock.now
        try server.start(into: &toClient)
        clientTime += middle - start
        serverTime += clock.now - middle
        while toServer.readableBytes > 0 || toClient.readableBytes > 0 {
            let start = clock.now
            server.received(toServer)
            toServer = ByteBuffer()
            while try server.nextEvent(into: &toClient) != nil {}
            let middle = clock.now
            client.received(toClient)
            toClient = ByteBuffer()
            while try client.nextEvent(into: &toServer) != nil {}
            serverTime += middle - start
            clientTime += clock.now - middle
        }
    }

    /// Carries messages from the server to the client and returns the time of either side.
    mutating func carry(_ count: Int, size: Int) throws -> (Duration, Duration) {
        let data = ByteBuffer(repeating: 7, count: size)
        var sealing = Duration.zero
        var opening = Duration.zero
        var wire = ByteBuffer()
        for _ in 0..<(count / 8) {
            wire.clear()
            let start = clock.now
            for _ in 0..<8 {
                try server.send(into: &wire) { buffer in
                    buffer.writeInteger(MessageNumber.channelData.rawValue)
                    buffer.writeInteger(0, as: UInt32.self)
                    buffer.writeSSHString(data)
                }
            }
            let middle = clock.now
            client.received(wire)
            while try client.nextEvent(into: &toServer) != nil {}
            sealing += middle - start
            opening += clock.now - middle
        }
        return (sealing, opening)
    }
}
