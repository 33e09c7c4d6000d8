import Foundation
import SharedConfig
import SharedHTTP
import SharedMessages
import TestCertificates
import Testing

@Suite("TLS between client and server", .timeLimit(.minutes(5)))
struct TLSTests {
    private func service(_ tls: HTTPServerOptions.TLSOptions) throws -> HTTPService {
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: quiet)
        let options = HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0), tls: tls)
        return try HTTPService("test", options, router: router, logger: quiet)
    }

    private func server(
        _ certificates: Certificates,
        clientRoots: String? = nil
    ) -> HTTPServerOptions.TLSOptions {
        .init(
            certificate: certificates.serverCertificate,
            privateKey: certificates.serverKey,
            clientRoots: clientRoots,
            minimumVersion: .v12,
            curves: TLSCurve.allCases,
            ciphers: TLSCipherSuite.standard
        )
    }

    private func call(_ port: Int, _ tls: HTTPClientOptions.TLSOptions, host: String = "127.0.0.1")
        async throws -> Int
    {
        let options = HTTPClientOptions(url: "https://\(host):\(port)", tls: tls)
        let client = try HTTPClient(options, logger: quiet)
        return try await client.send(HTTPCall(.get, "/healthz")).status
    }

    @Test("works with the configured authority, versions, curves and ciphers")
    func trusted() async throws {
        try await withFolder { folder in
            let certificates = try Certificates.make(in: folder)
            try await withService(try service(server(certificates))) {
                (address: ListenAddress) async throws in
                for version in TLSVersion.allCases {
                    for curve in TLSCurve.allCases {
                        let tls = HTTPClientOptions.TLSOptions(
                            trustedRoots: certificates.authority,
                            minimumVersion: version,
                            curves: [curve],
                            ciphers: TLSCipherSuite.standard
                        )
                        #expect(try await call(address.port, tls) == 200)
                    }
                }
            }
        }
    }

    @Test("fails without the server's authority, and for another host name")
    func untrusted() async throws {
        try await withFolder { folder in
            let certificates = try Certificates.make(in: folder)
            try await withService(try service(server(certificates))) {
                (address: ListenAddress) async throws in
                let port = address.port
                let system = await code { try await call(port, .init()) }
                #expect(system == .httpClientConnectionFailed)
                let trusting = HTTPClientOptions.TLSOptions(trustedRoots: certificates.authority)
                let name = await code { try await call(port, trusting, host: "127.0.0.2") }
                #expect(name == .httpClientConnectionFailed)
            }
        }
    }

    @Test("a client that wants 1.3 refuses a server that ends at 1.2")
    func lowestVersion() async throws {
        try await withFolder { folder in
            let certificates = try Certificates.make(in: folder)
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/openssl")
            process.currentDirectoryURL = folder
            process.arguments = [
                "s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-key", "server.key",
                "-tls1_2", "-www",
            ]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer { process.terminate() }
            let port = try #require(acceptPort(output))
            let roots = certificates.authority
            let strict = HTTPClientOptions.TLSOptions(trustedRoots: roots, minimumVersion: .v13)
            #expect(await code { try await call(port, strict) } == .httpClientConnectionFailed)
            let lenient = HTTPClientOptions.TLSOptions(
                trustedRoots: roots,
                minimumVersion: .v12,
                ciphers: [.ecdheECDSAAES256GCM]
            )
            #expect(try await call(port, lenient) == 200)
        }
    }

    /// Reads the line `ACCEPT 127.0.0.1:PORT`.
    private func acceptPort(_ output: Pipe) -> Int? {
        var text = ""
        while !text.contains("\n") || !text.contains("ACCEPT") {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { return nil }
            text += String(decoding: data, as: UTF8.self)
        }
        let line = text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }
        return line?.split(separator: ":").last.flatMap { Int($0) }
    }

    @Test("a server with client roots serves only clients that have a certificate of theirs")
    func mutual() async throws {
        try await withFolder { folder in
            let certificates = try Certificates.make(in: folder)
            let strict = server(certificates, clientRoots: certificates.authority)
            try await withService(try service(strict)) { (address: ListenAddress) async throws in
                let port = address.port
                var tls = HTTPClientOptions.TLSOptions(trustedRoots: certificates.authority)
                let without = await code { try await call(port, tls) }
                #expect(without == .httpClientConnectionFailed)
                tls.certificate = certificates.clientCertificate
                tls.privateKey = certificates.clientKey
                #expect(try await call(port, tls) == 200)
            }
        }
    }

    @Test("a client certificate of another authority is refused")
    func strangersCertificate() async throws {
        try await withFolder { folder in
            let (one, two) = (folder.appending(path: "1"), folder.appending(path: "2"))
            for folder in [one, two] {
                try FileManager.default.createDirectory(
                    at: folder,
                    withIntermediateDirectories: true
                )
            }
            let certificates = try Certificates.make(in: one)
            let strangers = try Certificates.make(in: two)
            let strict = server(certificates, clientRoots: certificates.authority)
            try await withService(try service(strict)) { (address: ListenAddress) async throws in
                let tls = HTTPClientOptions.TLSOptions(
                    trustedRoots: certificates.authority,
                    certificate: strangers.clientCertificate,
                    privateKey: strangers.clientKey
                )
                let port = address.port
                #expect(await code { try await call(port, tls) } == .httpClientConnectionFailed)
            }
        }
    }

    @Test("certificate files named in the configuration are read, missing ones refused")
    func files() async throws {
        try await withFolder { folder in
            _ = try Certificates.make(in: folder)
            func file(_ name: String) -> PEMSource { PEMSource(folder.appending(path: name).path) }
            var serverConfig = HTTPServerConfig(listen: "127.0.0.1:0")
            serverConfig.certificate = file("server.pem")
            serverConfig.key = file("server.key")
            serverConfig.clientCACertificate = file("ca.pem")
            let router = HTTPService.makeRouter(health: HealthRegistry(), logger: quiet)
            let options = try HTTPServerOptions(serverConfig)
            let service = try HTTPService("test", options, router: router, logger: quiet)
            try await withService(service) { (address: ListenAddress) async throws in
                var config = HTTPClientConfig(url: "https://127.0.0.1:\(address.port)")
                config.caCertificate = file("ca.pem")
                config.certificate = file("client.pem")
                config.key = file("client.key")
                let client = try HTTPClient(HTTPClientOptions(config), logger: quiet)
                #expect(try await client.send(HTTPCall(.get, "/healthz")).status == 200)
            }
            serverConfig.key = file("missing.key")
            let missingKey = await code { try HTTPServerOptions(serverConfig) }
            #expect(missingKey == .httpServerTLSFailed)
            var broken = HTTPClientConfig(url: "https://localhost")
            broken.caCertificate = file("missing.pem")
            let missingRoots = await code { try HTTPClientOptions(broken) }
            #expect(missingRoots == .httpClientTLSFailed)
        }
    }

    @Test("a key that does not belong to the certificate is refused before listening")
    func mismatch() async throws {
        try await withFolder { folder in
            var certificates = try Certificates.make(in: folder)
            certificates.serverKey = certificates.clientKey
            let strangeKey = await code { try service(server(certificates)) }
            #expect(strangeKey == .httpServerTLSFailed)
            certificates.serverKey = "no PEM"
            let noKey = await code { try service(server(certificates)) }
            #expect(noKey == .httpServerTLSFailed)
        }
    }
}
