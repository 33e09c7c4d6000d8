import Foundation
import SharedConfig
import SharedHTTP
import SharedMessages

/// The endpoints of RFC 6749 and RFC 8628 that clients post forms to.
struct TokenEndpoint: Sendable {
    let http: ProviderHTTP
    let clientID: String
    let clientSecret: Secret
    /// What an answer that cannot be used is called.
    let failure: MessageCode
    /// Whether the secret is sent as RFC 6749 §2.3.1 prefers it, or in the body.
    var usesBasic = false

    /// So that it fits into what travels through gateways between two rounds.
    private static let longestToken = 16 << 10

    // MARK: - Tokens

    func redeem(
        _ code: String,
        verifier: String,
        redirectURI: String,
        at url: ProviderURL
    ) async throws -> TokenReply {
        var fields = [
            FormField("grant_type", "authorization_code"), FormField("code", code),
            FormField("code_verifier", verifier),
        ]
        if !redirectURI.isEmpty { fields.append(FormField("redirect_uri", redirectURI)) }
        switch try await ask(fields, at: url) {
        case .token(let token): return token
        case .refused(let error):
            switch error.error {
            case "access_denied": throw OAuth2Refusal(.authOAuth2Denied)
            case "invalid_grant", "bad_verification_code":
                throw OAuth2Refusal(.authOAuth2CodeRefused, error.words)
            default: throw failed(error)
            }
        }
    }

    func poll(_ grant: DeviceGrant, at url: ProviderURL) async throws -> DeviceAnswer {
        let fields = [
            FormField("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            FormField("device_code", grant.deviceCode),
        ]
        switch try await ask(fields, at: url) {
        case .token(let token): return .token(token)
        case .refused(let error):
            switch error.error {
            case "authorization_pending": return .pending
            case "slow_down": return .slowDown(error.interval)
            case "access_denied": throw OAuth2Refusal(.authOAuth2Denied)
            case "expired_token": throw OAuth2Refusal(.authOAuth2Timeout)
            case "invalid_grant", "incorrect_device_code", "bad_verification_code":
                throw OAuth2Refusal(.authOAuth2CodeRefused, error.words)
            default: throw failed(error)
            }
        }
    }

    // MARK: - The device flow's first step

    func beginDevice(scope: String, at url: ProviderURL) async throws -> DeviceGrant {
        let reply = try await post([FormField("scope", scope)], at: url)
        if let error = try? reply.decode(OAuth2ErrorBody.self) { throw failed(error) }
        guard reply.isSuccess else { throw failed(reply) }
        let body: DeviceBody
        do {
            body = try reply.decode(DeviceBody.self)
        } catch {
            throw CodedError(failure, detail: "device authorization", cause: error)
        }
        guard let grant = body.grant(at: Int(Date.now.timeIntervalSince1970)) else {
            throw CodedError(failure, detail: "device authorization that cannot be shown")
        }
        return grant
    }

    // MARK: - Asking

    private enum Answer {
        case token(TokenReply)
        case refused(OAuth2ErrorBody)
    }

    private func ask(_ fields: [FormField], at url: ProviderURL) async throws -> Answer {
        let reply = try await post(fields, at: url)
        // GitHub sends errors with status 200.
        if let error = try? reply.decode(OAuth2ErrorBody.self) { return .refused(error) }
        guard reply.isSuccess else { throw failed(reply) }
        do {
            let body = try reply.decode(TokenBody.self)
            let isUsable =
                !body.accessToken.isEmpty && body.accessToken.utf8.count <= Self.longestToken
                && (body.idToken ?? "").utf8.count <= Self.longestToken
                && body.accessToken.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                && body.tokenType?.lowercased() ?? "bearer" == "bearer"
            guard isUsable else { throw CodedError(failure, detail: "a token of no use") }
            return .token(body.reply)
        } catch let error as CodedError where error.code == .httpClientDecodeFailed {
            throw CodedError(failure, detail: "token endpoint", cause: error)
        }
    }

    private func post(_ fields: [FormField], at url: ProviderURL) async throws -> HTTPReply {
        var fields = fields
        var authorization: String?
        if usesBasic {
            // Both are form-encoded first (RFC 6749 §2.3.1).
            let pair = "\(Form.escape(clientID)):\(Form.escape(clientSecret.reveal()))"
            authorization = "Basic \(Data(pair.utf8).base64EncodedString())"
        }
        fields.append(FormField("client_id", clientID))
        if !usesBasic { fields.append(FormField("client_secret", clientSecret.reveal())) }
        do {
            return try await http.post(url, fields, authorization: authorization)
        } catch let error as CodedError {
            throw CodedError(failure, cause: error, isRetryable: error.isRetryable)
        }
    }

    private func failed(_ reply: HTTPReply) -> CodedError {
        CodedError(
            failure,
            detail: "status \(reply.status)",
            isRetryable: reply.status >= 500 || reply.status == 429
        )
    }

    private func failed(_ error: OAuth2ErrorBody) -> CodedError {
        switch error.error {
        case "invalid_client", "incorrect_client_credentials", "unauthorized_client":
            CodedError(.oauthIncorrectClientCredentials, detail: error.words)
        case "temporarily_unavailable", "server_error":
            CodedError(failure, detail: error.words, isRetryable: true)
        default: CodedError(failure, detail: error.words)
        }
    }
}

/// RFC 6749 §5.2.
struct OAuth2ErrorBody: Decodable {
    let error: String
    let description: String?
    let interval: Int?

    private enum CodingKeys: String, CodingKey {
        case error, interval
        case description = "error_description"
    }

    init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        error = try box.decode(String.self, forKey: .error)
        description = try? box.decodeIfPresent(String.self, forKey: .description)
        interval = try? box.decodeIfPresent(Int.self, forKey: .interval)
    }

    var words: String { "\(error): \(description ?? "")".providerWords }
}

private struct TokenBody: Decodable {
    let accessToken: String
    let tokenType: String?
    let idToken: String?
    let scope: String?

    private enum CodingKeys: String, CodingKey {
        case scope
        case accessToken = "access_token"
        case tokenType = "token_type"
        case idToken = "id_token"
    }

    var reply: TokenReply {
        // Spaces by the RFC, commas by GitHub.
        let scopes = scope?.split { $0 == " " || $0 == "," }.map(String.init)
        return TokenReply(
            accessToken: accessToken,
            idToken: idToken ?? "",
            scopes: scopes.map { Set($0) }
        )
    }
}

private struct DeviceBody: Decodable {
    let deviceCode: String
    let userCode: String
    let verificationURL: String
    let completeURL: String?
    let expiresIn: Int
    let interval: Int?

    private enum CodingKeys: String, CodingKey {
        case interval
        case deviceCode = "device_code"
        case userCode = "user_code"
        case verificationURL = "verification_uri"
        case completeURL = "verification_uri_complete"
        case expiresIn = "expires_in"
    }

    /// `nil` for what must not reach a terminal.
    func grant(at now: Int) -> DeviceGrant? {
        guard !deviceCode.isEmpty, deviceCode.utf8.count <= 8192,
            (1...64).contains(userCode.utf8.count), userCode.isPrintable, expiresIn > 0,
            ProviderURL(verificationURL) != nil
        else { return nil }
        return DeviceGrant(
            deviceCode: deviceCode,
            userCode: userCode,
            verificationURL: verificationURL,
            completeURL: completeURL.flatMap { ProviderURL($0)?.text },
            interval: interval ?? 5,
            until: now + min(expiresIn, 24 * 3600)
        )
    }
}
