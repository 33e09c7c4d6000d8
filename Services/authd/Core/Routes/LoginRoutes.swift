import AuthClient
import Foundation
import HTTPTypes
package import Hummingbird
package import Logging
package import SharedConfig
package import SharedHTTP
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH

/// `POST /v1/login`: a conversation that ends with a certificate, for people.
///
/// Failures count as failed logins at the gateways: both share the penalties.
package struct LoginRoutes: Sendable {
    private let conversation: Conversation
    private let issuer: CertificateIssuer
    private let limits: SharedLimits
    private let sources: LimitsConfig
    private let logger: Logger

    /// `sources` says how addresses are grouped and which are exempt.
    package init(
        _ conversation: Conversation,
        _ issuer: CertificateIssuer,
        limits: SharedLimits,
        sources: LimitsConfig,
        logger: Logger
    ) {
        self.conversation = conversation
        self.issuer = issuer
        self.limits = limits
        self.sources = sources
        self.logger = logger
    }

    package func add(to router: Router<HTTPContext>) {
        router.post(RouterPath(CertificateLogin.path)) { request, context in
            let limit = CertificateLogin.longestRequest
            let login = try await request.json(CertificateLogin.self, upTo: limit)
            let source = source(of: context.clientAddress)
            if let source, limits.isRefused(source) {
                throw HTTPRefusal(.tooManyRequests, .limitsPenalized)
            }
            return try await explained {
                try .json(try await answer(login, from: context.clientAddress, source))
            }
        }
    }

    private func answer(
        _ login: CertificateLogin,
        from address: String?,
        _ source: IPNetwork?
    ) async throws -> CertificateLoginReply {
        guard let step = login.step else {
            throw HTTPRefusal(.badRequest, .httpServerBadRequest, "JSON answersBase64: no base64")
        }
        guard let key = (try? AuthorizedKey.parse(login.publicKey))?.key else {
            throw CodedError(.authdCertificateInvalid, detail: "public key")
        }
        let head = AuthRequestHead(
            remoteAddress: address ?? "",
            // Answers count for the key that the questions were asked about, and for no gateway.
            connectionID: "login \(key.fingerprint)",
            clientVersion: "",
            username: login.username
        )
        switch try await conversation.answer(KeyboardRequest(head: head, step: step)) {
        case .round(let round): return .round(round)
        case .verdict(let verdict):
            guard verdict.success, let name = verdict.authenticatedUsername,
                let account = try await issuer.store.account(named: name)
            else {
                let failure = verdict.unknownUser ? PenaltyKind.invalidUser : .authFailure
                if let source { limits.note(failure, of: source) }
                logger.emit(.authdLoginRefused, [LogLabel.username: .string(login.username)])
                throw HTTPRefusal(.unauthorized, .authdLoginRefused)
            }
            return .certificate(
                try await issuer.certify(
                    account,
                    key: login.publicKey,
                    lifetime: login.lifetimeSeconds,
                    address: address
                )
            )
        }
    }

    private func source(of address: String?) -> IPNetwork? {
        guard let address = address.flatMap({ IPAddress($0) }) else { return nil }
        let exempt = sources.exempt + sources.penalties.exempt
        guard !exempt.contains(where: { $0.contains(address) }) else { return nil }
        return IPNetwork(
            of: address,
            ipv4: sources.perSource.ipv4Prefix,
            ipv6: sources.perSource.ipv6Prefix
        )
    }
}
