import NIOCore
import NIOPosix
import NIOSSL
import SharedConfig
import Synchronization

/// Opens connections to the API server.
final class ClusterDialer: Sendable {
    let options: ClusterOptions
    /// Made anew only when the certificate changes.
    private let context = Mutex<(certificate: ClusterCertificate?, context: NIOSSLContext)?>(nil)

    private static let connectTime = TimeAmount.seconds(5)
    private static let longestRead = 128 << 10

    init(_ options: ClusterOptions) { self.options = options }

    /// Throws what is wrong with certificates and keys.
    func check() throws { _ = try tls(options.certificate) }

    /// A connection with TLS around whatever `prepare` adds; nothing is read unless asked for.
    func connect(
        on loop: any EventLoop,
        certificate: ClusterCertificate?,
        _ prepare: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let tls = try tls(certificate)
        let (name, address) = (serverName, options.address)
        do {
            return try await ClientBootstrap(group: loop)
                .channelOption(.autoRead, value: false)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(
                        minimum: 4 << 10,
                        initial: 16 << 10,
                        maximum: Self.longestRead
                    )
                )
                .connectTimeout(Self.connectTime)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: name)
                            )
                        }
                        try prepare(channel)
                    }
                }
                .connect(host: address.host, port: address.port).get()
        } catch {
            throw ClusterUnreachable("\(address.host):\(address.port): \(error)")
        }
    }

    /// What the certificate is checked against by name; an IP literal is checked as an address.
    private var serverName: String? {
        if !options.serverName.isEmpty { return options.serverName }
        let host = options.address.host
        return (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }

    private func tls(_ certificate: ClusterCertificate?) throws -> NIOSSLContext? {
        guard options.address.isEncrypted else { return nil }
        if let ready = context.withLock({ $0 }), ready.certificate == certificate {
            return ready.context
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if options.isInsecure { configuration.certificateVerification = .none }
        do {
            if let roots = options.trustedRoots {
                configuration.trustRoots = .certificates(
                    try NIOSSLCertificate.fromPEMBytes(Array(roots.utf8))
                )
            }
            if let certificate {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(
                    Array(certificate.chain.utf8)
                ).map { .certificate($0) }
                let key = Array(certificate.key.reveal().utf8)
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: key, format: .pem)
                )
            }
            let made = try NIOSSLContext(configuration: configuration)
            context.withLock { $0 = (certificate, made) }
            return made
        } catch {
            throw ClusterUnreachable("certificate or key: \(error)")
        }
    }
}
