import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import SharedSSH

/// The server to measure, and as whom.
struct Target: ParsableArguments {
    @Option(help: "Host to connect to.") var host = "127.0.0.1"
    @Option(help: "Port to connect to.") var port = 2222
    @Option(help: "User name.") var user = "bench"
    @Option(help: "Password; without it a key is used.") var password: String?
    @Option(help: "Private key file in OpenSSH or PEM form; without it a fresh Ed25519 key.")
    var identity: String?
    @Option(help: "Only this cipher.") var cipher: String?
    @Option(help: "Only this key exchange method.") var keyExchange: String?

    func credential() throws -> Credential {
        if let password { return .password(password) }
        guard let identity else { return .key(try SSHPrivateKey.generateEd25519()) }
        return .key(try SSHPrivateKey(pem: try String(contentsOfFile: identity, encoding: .utf8)))
    }

    /// Trusts every host key: what is measured is not who answers.
    func settings() throws -> SSHClientSettings {
        var algorithms = TransportAlgorithms()
        if let cipher {
            guard let chosen = CipherAlgorithm(rawValue: cipher) else {
                throw ValidationError("unknown cipher")
            }
            algorithms.ciphers = [chosen]
        }
        if let keyExchange {
            guard let chosen = KeyExchangeMethod(rawValue: keyExchange) else {
                throw ValidationError("unknown key exchange method")
            }
            algorithms.keyExchanges = [chosen]
        }
        return SSHClientSettings(
            transport: TransportSettings(
                identification: "SSH-2.0-BerthBench",
                algorithms: algorithms,
                isHostKeyTrusted: { _ in true }
            )
        )
    }

    /// Connects and authenticates; the key is probed first, as OpenSSH does.
    func logIn(
        _ settings: SSHClientSettings,
        _ credential: Credential,
        on group: any EventLoopGroup
    ) async throws -> SSHClient {
        let client = try await SSHClient.connect(
            host: host,
            port: port,
            settings: settings,
            group: group
        )
        guard try await authenticate(client, credential) == .authenticated else {
            await client.close()
            throw LoginRefused()
        }
        return client
    }

    private func authenticate(
        _ client: SSHClient,
        _ credential: Credential
    ) async throws -> ClientAuthenticationResult {
        switch credential {
        case .password(let password):
            return try await client.authenticate(user, .password(password))
        case .key(let key):
            guard let algorithm = key.publicKey.type.signatureAlgorithms.first else {
                throw LoginRefused()
            }
            let probe = ClientCredential.publicKeyProbe(key.publicKey, algorithm)
            guard try await client.authenticate(user, probe) == .keyAcceptable else {
                throw LoginRefused()
            }
            return try await client.authenticate(user, .publicKey(key, algorithm))
        }
    }
}

enum Credential: Sendable {
    case password(String)
    case key(SSHPrivateKey)
}

struct LoginRefused: Error {}
