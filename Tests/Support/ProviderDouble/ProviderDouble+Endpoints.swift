import Crypto
import Foundation
import StubHTTPServer
import Synchronization

extension ProviderDouble {
    func answer(_ request: StubRequest) -> StubAnswer {
        let parts = request.path.split(separator: "?", maxSplits: 1).map(String.init)
        let path = parts.first ?? "/"
        if let answer = state.withLock({ $0.behaviour.answers[path] }) { return answer }
        let form = Self.form(
            request.method == "POST" ? request.body : parts.dropFirst().first ?? ""
        )
        switch (request.method, path) {
        case ("GET", "/.well-known/openid-configuration"): return discovery(request)
        case ("GET", "/jwks"): return .json(state.withLock { $0.behaviour.keys.set })
        case ("POST", "/device"), ("POST", "/login/device/code"): return device(request, form)
        case ("GET", "/authorize"), ("GET", "/login/oauth/authorize"): return authorize(form)
        case ("POST", "/token"): return token(request, form, isGitHub: false)
        case ("POST", "/login/oauth/access_token"): return token(request, form, isGitHub: true)
        case ("GET", "/userinfo"): return userInfo(request)
        case ("GET", "/api/user"): return gitHubUser(request)
        case ("GET", _) where path.hasPrefix("/api/user/memberships/orgs/"):
            return membership(request, String(path.dropFirst("/api/user/memberships/orgs/".count)))
        default: return .reply(status: 404, body: "<html>not here</html>")
        }
    }

    static func form(_ text: String) -> [String: String] {
        var parts = URLComponents()
        parts.percentEncodedQuery = text.replacing("+", with: "%20")
        let items = (parts.queryItems ?? []).map { ($0.name, $0.value ?? "") }
        return Dictionary(items) { $1 }
    }

    private func json(_ object: [String: Claim], status: Int = 200) -> StubAnswer {
        .json(Self.text(object), status: status)
    }

    private static func text(_ object: [String: Claim]) -> String {
        (try? String(decoding: JSONEncoder().encode(object), as: UTF8.self)) ?? ""
    }

    private func error(_ name: String, _ status: Int = 400) -> StubAnswer {
        json(["error": .text(name), "error_description": "No."], status: status)
    }

    private func discovery(_ request: StubRequest) -> StubAnswer {
        let base = base(request)
        let behaviour = state.withLock { $0.behaviour }
        var facts: [String: Claim] = [
            "issuer": .text(behaviour.issuer ?? base), "token_endpoint": .text("\(base)/token"),
            "authorization_endpoint": .text("\(base)/authorize"),
            "userinfo_endpoint": .text("\(base)/userinfo"), "jwks_uri": .text("\(base)/jwks"),
        ]
        if behaviour.offersDevice {
            facts["device_authorization_endpoint"] = .text("\(base)/device")
        }
        if let methods = behaviour.clientAuthentication {
            facts["token_endpoint_auth_methods_supported"] = .list(methods)
        }
        return json(facts)
    }

    // MARK: - Flows

    private func device(_ request: StubRequest, _ form: [String: String]) -> StubAnswer {
        guard form["client_id"] == Self.clientID else { return error("invalid_client", 401) }
        return state.withLock { state in
            let behaviour = state.behaviour
            guard behaviour.offersDevice else { return error("unauthorized_client") }
            state.count += 1
            let userCode = "WXYZ-\(1000 + state.count)"
            let code = "device-\(UUID().uuidString)"
            state.devices[code] = Device(
                userCode: userCode,
                until: .now + Double(behaviour.deviceLifetime),
                scope: form["scope"] ?? ""
            )
            let place = "\(base(request))/activate"
            var body: [String: Claim] = [
                "device_code": .text(code), "user_code": .text(userCode),
                "verification_uri": .text(place), "expires_in": .number(behaviour.deviceLifetime),
                "interval": .number(behaviour.deviceInterval),
            ]
            if behaviour.completeURL {
                body["verification_uri_complete"] = .text("\(place)?user_code=\(userCode)")
            }
            return json(body)
        }
    }

    func authorize(_ form: [String: String]) -> StubAnswer {
        guard form["client_id"] == Self.clientID, form["response_type"] == "code",
            form["code_challenge_method"] ?? "S256" == "S256"
        else { return error("invalid_request") }
        let code = "code-\(UUID().uuidString)"
        state.withLock {
            $0.codes[code] = Code(
                challenge: form["code_challenge"],
                nonce: form["nonce"],
                redirectURI: form["redirect_uri"],
                scope: form["scope"] ?? ""
            )
        }
        let place = form["redirect_uri"] ?? Self.redirectURI
        let location = "\(place)?state=\(form["state"] ?? "")&code=\(code)"
        return .reply(status: 302, headers: ["Location": location])
    }

    // MARK: - Tokens

    private func token(
        _ request: StubRequest,
        _ form: [String: String],
        isGitHub: Bool
    ) -> StubAnswer {
        guard isClient(request, form) else {
            return isGitHub
                ? error("incorrect_client_credentials", 200) : error("invalid_client", 401)
        }
        // GitHub sends its errors with status 200.
        let status = isGitHub ? 200 : 400
        return state.withLock { state in
            if let deviceCode = form["device_code"] {
                return deviceToken(deviceCode, request, &state, status)
            }
            // A code counts once, also if it is shown with a wrong proof.
            guard let code = state.codes.removeValue(forKey: form["code"] ?? "") else {
                return error(isGitHub ? "bad_verification_code" : "invalid_grant", status)
            }
            let hash = Data(SHA256.hash(data: Data((form["code_verifier"] ?? "").utf8))).base64URL
            guard code.challenge == hash, code.redirectURI == form["redirect_uri"] else {
                return error("invalid_grant", status)
            }
            return issue(request, code.nonce, code.scope, &state)
        }
    }

    private func isClient(_ request: StubRequest, _ form: [String: String]) -> Bool {
        if let header = request.headers["authorization"] {
            let unreserved = CharacterSet.alphanumerics
            let secret = Self.clientSecret.addingPercentEncoding(withAllowedCharacters: unreserved)
            let pair = "\(Self.clientID):\(secret ?? "")"
            return header == "Basic \(Data(pair.utf8).base64EncodedString())"
        }
        return form["client_id"] == Self.clientID && form["client_secret"] == Self.clientSecret
    }

    private func deviceToken(
        _ code: String,
        _ request: StubRequest,
        _ state: inout State,
        _ status: Int
    ) -> StubAnswer {
        guard let device = state.devices[code] else { return error("invalid_grant", status) }
        guard device.until > .now else { return error("expired_token", status) }
        if state.behaviour.slowDowns > 0 {
            state.behaviour.slowDowns -= 1
            return error("slow_down", status)
        }
        switch device.decision {
        case nil: return error("authorization_pending", status)
        case false?: return error("access_denied", status)
        case true?:
            state.devices[code] = nil
            return issue(request, nil, device.scope, &state)
        }
    }

    private func issue(
        _ request: StubRequest,
        _ nonce: String?,
        _ scope: String,
        _ state: inout State
    ) -> StubAnswer {
        let token = "access-\(UUID().uuidString)"
        state.tokens.insert(token)
        var body: [String: Claim] = [
            "access_token": .text(token), "token_type": "Bearer",
            "scope": .text(state.behaviour.scope ?? scope),
        ]
        if state.behaviour.sendsIDToken {
            body["id_token"] = .text(idToken(base(request), nonce, state.behaviour))
        }
        return json(body)
    }

    private func idToken(_ issuer: String, _ nonce: String?, _ behaviour: Behaviour) -> String {
        let now = Int(Date.now.timeIntervalSince1970)
        var claims: [String: Claim] = [
            "iss": .text(issuer), "sub": .text(behaviour.person.subject),
            "aud": .text(Self.clientID), "exp": .number(now + 300), "iat": .number(now),
        ]
        if let nonce { claims["nonce"] = .text(nonce) }
        for (name, claim) in behaviour.claims { claims[name] = claim }
        return behaviour.keys.token(
            Self.text(claims),
            behaviour.algorithm,
            keyID: behaviour.keyID
        )
    }

    // MARK: - About the person

    private func isKnown(_ request: StubRequest) -> Bool {
        let token = request.headers["authorization"]?.replacing("Bearer ", with: "") ?? ""
        return state.withLock { $0.tokens.contains(token) }
    }

    private func userInfo(_ request: StubRequest) -> StubAnswer {
        guard isKnown(request) else { return error("invalid_token", 401) }
        let behaviour = state.withLock { $0.behaviour }
        let person = behaviour.person
        var claims: [String: Claim] = [
            "sub": .text(person.subject), "preferred_username": .text(person.login),
            "email": .text(person.email), "email_verified": .truth(person.isEmailVerified),
        ]
        for (name, claim) in behaviour.userInfo { claims[name] = claim }
        return json(claims)
    }

    private func gitHubUser(_ request: StubRequest) -> StubAnswer {
        guard isKnown(request) else { return error("Bad credentials", 401) }
        let person = state.withLock { $0.behaviour.person }
        return json([
            "login": .text(person.login), "id": 583_231, "node_id": "MDQ6", "name": "Dev Eloper",
            "email": .text(person.email), "html_url": .text("https://github.com/\(person.login)"),
            "two_factor_authentication": .truth(person.hasTwoFactors),
        ])
    }

    private func membership(_ request: StubRequest, _ name: String) -> StubAnswer {
        guard isKnown(request) else { return error("Bad credentials", 401) }
        guard let membership = state.withLock({ $0.behaviour.person.organizations[name] }) else {
            return json(["message": "Not Found"], status: 404)
        }
        return json(["state": .text(membership), "role": "member"])
    }
}
