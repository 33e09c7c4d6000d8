import NIOCore
import NIOPosix
import NIOSSL
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedWaiting

extension EngineClient {
    /// Makes a call that turns its connection into a stream (`Upgrade: tcp`).
    ///
    /// The channel lives on `loop`. Cancelling ends the attempt.
    func hijack(
        _ path: EnginePath,
        body: [UInt8],
        isRaw: Bool,
        on loop: any EventLoop,
        failure code: MessageCode
    ) async throws -> EngineStream {
        do {
            let version = try await version()
            let request = upgradeRequest("/v\(version)\(path.text)", body)
            return try await open(request, isRaw: isRaw, on: loop)
        } catch let error as CodedError {
            throw Self.coded(error, code)
        } catch let error as EngineRefusal {
            throw Self.coded(error, code)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw CodedError(code, detail: "\(error)", cause: error, isRetryable: true)
        }
    }

    private func open(
        _ request: ByteBuffer,
        isRaw: Bool,
        on loop: any EventLoop
    ) async throws -> EngineStream {
        let queue = PieceQueue<EngineStream.Piece>(on: loop) { $0.bytes.readableBytes }
        let opened = loop.makePromise(of: Void.self)
        let channel: any Channel
        do {
            channel = try await connect(on: loop) { channel in
                try channel.pipeline.syncOperations.addHandler(
                    HijackHandler(request: request, isRaw: isRaw, queue: queue, opened: opened)
                )
            }
        } catch {
            opened.fail(error)  // Harmless when the handler was quicker.
            throw error
        }
        do {
            try await withTaskCancellationHandler {
                try await opened.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            try Task.checkCancellation()
        } catch {
            channel.close(promise: nil)
            throw Task.isCancelled ? CancellationError() : error
        }
        return EngineStream(channel: channel, queue: queue)
    }

    private func connect(
        on loop: any EventLoop,
        _ prepare: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let tls = try tlsContext()
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 4 << 10,
                    initial: 16 << 10,
                    maximum: pieceReadAhead
                )
            )
            .connectTimeout(.seconds(5))
            .channelInitializer { [address] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: address.serverName)
                        )
                    }
                    try prepare(channel)
                }
            }
        switch address.endpoint {
        case .unixSocket(let path):
            return try await bootstrap.connect(unixDomainSocketPath: path).get()
        case .tcp(let host, let port):
            return try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .connect(host: host, port: port).get()
        }
    }

    private func upgradeRequest(_ path: String, _ body: [UInt8]) -> ByteBuffer {
        var request = ByteBuffer(
            string: """
                POST \(path) HTTP/1.1\r
                Host: \(address.hostField)\r
                Connection: Upgrade\r
                Upgrade: tcp\r
                Content-Type: application/json\r
                Content-Length: \(body.count)\r
                \r

                """
        )
        request.writeBytes(body)
        return request
    }

    private func tlsContext() throws -> NIOSSLContext? {
        guard address.isEncrypted else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = tls.minimumVersion == .v12 ? .tlsv12 : .tlsv13
        if let roots = tls.trustedRoots {
            configuration.trustRoots = .certificates(
                try NIOSSLCertificate.fromPEMBytes(Array(roots.utf8))
            )
        }
        if let certificate = tls.certificate, let key = tls.privateKey {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(
                Array(certificate.utf8)
            ).map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)
            )
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

extension EngineAddress {
    /// What the certificate is checked against by name; an IP literal is checked as an address.
    fileprivate var serverName: String? {
        guard case .tcp(let host, _) = endpoint else { return nil }
        return (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }
}
