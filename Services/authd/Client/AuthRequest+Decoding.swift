import Foundation
package import SharedModels

/// The body of a question as a server of the contract reads it; `route` says which one it is.
///
/// Unknown keys are ignored, so that newer gateways can ask older servers.
package struct AuthRequestBody: Decodable, Sendable {
    private var head: AuthRequestHead
    private var password: String?
    private var publicKey: String?
    private var authenticatedUsername: String?
    private var certificate: CertificateQuestion?

    private enum CodingKeys: String, CodingKey {
        case passwordBase64, publicKey, authenticatedUsername, certificate
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        head = try AuthRequestHead(from: decoder)
        password = try box.decodeIfPresent(String.self, forKey: .passwordBase64)
        publicKey = try box.decodeIfPresent(String.self, forKey: .publicKey)
        authenticatedUsername = try box.decodeIfPresent(
            String.self,
            forKey: .authenticatedUsername
        )
        if box.contains(.certificate) {
            certificate = try CertificateQuestionBody(from: decoder).question
        }
    }

    /// The question of `route`; `nil` when the key that carries it is missing or malformed.
    package func request(_ route: AuthRoute) -> AuthRequest? {
        switch route {
        case .password:
            guard let password, let bytes = Data(base64Encoded: password) else { return nil }
            return AuthRequest(head: head, question: .password([UInt8](bytes)))
        case .publicKey:
            guard let publicKey else { return nil }
            return AuthRequest(head: head, question: .publicKey(publicKey))
        case .certificate:
            return certificate.map { AuthRequest(head: head, question: .certificate($0)) }
        case .authorization:
            let name = authenticatedUsername ?? ""
            return AuthRequest(head: head, question: .authorization(authenticatedUsername: name))
        }
    }
}

extension AuthRequestHead {
    private enum CodingKeys: String, CodingKey {
        case remoteAddress, connectionId, clientVersion, username
    }

    /// Reads the keys that every question begins with; only `username` must be there.
    init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            remoteAddress: try box.decodeIfPresent(String.self, forKey: .remoteAddress) ?? "",
            connectionID: try box.decodeIfPresent(String.self, forKey: .connectionId) ?? "",
            clientVersion: try box.decodeIfPresent(String.self, forKey: .clientVersion) ?? "",
            username: try box.decode(String.self, forKey: .username),
            carried: try ConnectionMetadata(lenient: decoder)
        )
    }
}
