import Foundation
package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages
package import SharedModels

/// The body of `POST /v1/login`: one step of a conversation that ends with a certificate.
///
/// Steps go as those of `/keyboard-interactive`; every one names the key to certify.
package struct CertificateLogin: Codable, Sendable, Hashable {
    package static let path = "/v1/login"
    package static let longestRequest = 256 << 10

    package var username: String
    /// A line as in `authorized_keys`.
    package var publicKey: String
    package var lifetimeSeconds: Int?
    /// As the last round gave it; absent at the beginning.
    package var state: String?
    /// One padded base64 for each prompt of the last round.
    package var answersBase64: [String]?

    package init(
        username: String,
        publicKey: String,
        lifetimeSeconds: Int? = nil,
        state: String? = nil,
        answersBase64: [String]? = nil
    ) {
        self.username = username
        self.publicKey = publicKey
        self.lifetimeSeconds = lifetimeSeconds
        self.state = state
        self.answersBase64 = answersBase64
    }

    /// `nil` for answers that are no base64.
    package var step: KeyboardRequest.Step? {
        guard let answersBase64 else { return .begin(devices: "") }
        let answers = answersBase64.map { Data(base64Encoded: $0).map { [UInt8]($0) } }
        guard !answers.contains(nil) else { return nil }
        return .answers(answers.compactMap(\.self), state: state ?? "")
    }
}

/// The answer of `POST /v1/login`: the next questions, or the certificate.
package enum CertificateLoginReply: Codable, Sendable, Hashable {
    case round(KeyboardRound)
    case certificate(MadeCertificate)

    private enum CodingKeys: String, CodingKey { case challenge }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        if let challenge = try box.decodeIfPresent(ChallengeBody.self, forKey: .challenge) {
            self = .round(challenge.round)
        } else {
            self = .certificate(try MadeCertificate(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .round(let round):
            var box = encoder.container(keyedBy: CodingKeys.self)
            try box.encode(ChallengeBody(round: round), forKey: .challenge)
        case .certificate(let made): try made.encode(to: encoder)
        }
    }
}

/// Gets certificates from a running authd, as `berth login` does.
package struct CertificateLoginClient: Sendable {
    private let http: HTTPClient

    /// Throws a `CodedError` when the URL or the certificates cannot be used.
    package init(_ server: HTTPClientConfig, logger: Logger) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(server), logger: logger)
    }

    /// Asks for a certificate; `answer` is called with each round of questions and gives one answer
    /// for each prompt.
    ///
    /// Throws a `CodedError`: with the code that authd refused with, or `HTTP_CLIENT_…`.
    package func certificate(
        _ login: CertificateLogin,
        answer: (KeyboardRound) throws -> [[UInt8]]
    ) async throws -> MadeCertificate {
        var login = login
        // No conversation of any use is longer.
        for _ in 0..<64 {
            switch try await step(login) {
            case .certificate(let made): return made
            case .round(let round):
                login.state = round.state
                login.answersBase64 = try answer(round).map { Data($0).base64EncodedString() }
            }
        }
        throw CodedError(.authdLoginRefused)
    }

    private func step(_ login: CertificateLogin) async throws -> CertificateLoginReply {
        var call = try HTTPCall.json(.post, CertificateLogin.path, login)
        call.timeLimit = .total(.seconds(90))  // a round without prompts may wait for somebody
        let reply = try await http.send(call)
        guard !reply.isSuccess else { return try reply.decode(CertificateLoginReply.self) }
        guard let refusal = reply.refusal else {
            throw CodedError(.authInvalidStatus, detail: "status \(reply.status)")
        }
        let code = MessageCode.named(refusal.code) ?? .httpServerRefused
        throw CodedError(code, detail: refusal.message)
    }
}
