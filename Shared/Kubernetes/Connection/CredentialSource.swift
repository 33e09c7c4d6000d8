import Foundation
import NIOPosix
import SharedConfig

/// Says what calls are authorized with, and finds out anew what does not last.
actor CredentialSource {
    /// What a call takes along.
    struct Identity: Sendable, Hashable {
        /// The field `Authorization`.
        var authorization: String?
        var certificate: ClusterCertificate?
    }

    /// Rotated tokens are valid for some time beside their successor: a projected one for minutes.
    private static let tokenAge = Duration.seconds(60)
    private static let longestToken = 1 << 20
    /// Before its end, credentials are asked for again.
    private static let margin: TimeInterval = 10

    private let credentials: ClusterCredentials
    private let certificate: ClusterCertificate?
    private var known: Identity?
    private var expires: ContinuousClock.Instant?
    private var asking: Task<(Identity, Duration?), any Error>?

    init(_ credentials: ClusterCredentials, certificate: ClusterCertificate?) {
        self.credentials = credentials
        self.certificate = certificate
    }

    /// What to use now. Throws `ClusterUnreachable` when there is none.
    func identity() async throws -> Identity {
        if let known, expires.map({ $0 > .now }) ?? true { return known }
        return try await ask()
    }

    /// The server refused `used`: what is known is asked for again, if it may have changed.
    ///
    /// Answers whether there is something else to try.
    func refused(_ used: Identity) async throws -> Bool {
        if let known, known != used { return true }
        switch credentials {
        case .none, .basic, .token: return false
        case .tokenFile, .command: return try await ask() != used
        }
    }

    private func ask() async throws -> Identity {
        if asking == nil { asking = Task { try await self.find() } }
        guard let task = asking else { return Identity() }
        do {
            let (identity, lifetime) = try await task.value
            if asking == task { asking = nil }
            known = identity
            expires = lifetime.map { .now + $0 }
            return identity
        } catch {
            if asking == task { asking = nil }
            throw error
        }
    }

    private func find() async throws -> (Identity, Duration?) {
        var identity = Identity(certificate: certificate)
        switch credentials {
        case .none: break
        case .basic(let username, let password):
            let pair = Data("\(username):\(password.reveal())".utf8).base64EncodedString()
            identity.authorization = "Basic \(pair)"
        case .token(let token): identity.authorization = try Self.bearer(token.reveal())
        case .tokenFile(let path):
            let text = try await NIOThreadPool.singleton.runIfActive { try Self.read(path) }
            identity.authorization = try Self.bearer(text)
            return (identity, Self.tokenAge)
        case .command(let command):
            let answer = try await NIOThreadPool.singleton.runIfActive {
                try CredentialAnswer.ask(command)
            }
            if !answer.token.isEmpty { identity.authorization = try Self.bearer(answer.token) }
            if let own = answer.certificate { identity.certificate = own }
            let lifetime = answer.expires.map {
                Duration.seconds(max(0, $0.timeIntervalSinceNow - Self.margin))
            }
            return (identity, lifetime)
        }
        return (identity, nil)
    }

    /// A header field holds no line end.
    private static func bearer(_ text: String) throws -> String {
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ClusterUnreachable("the token is empty or no token")
        }
        return "Bearer \(token)"
    }

    private static func read(_ path: String) throws -> String {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }  // Only read from.
            let data = try handle.read(upToCount: longestToken) ?? Data()
            return String(decoding: data, as: UTF8.self)
        } catch {
            throw ClusterUnreachable("\(path): \(error.localizedDescription)")
        }
    }
}
