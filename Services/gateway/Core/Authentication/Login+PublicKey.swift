import Logging
import MetricsClient
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization

// A key is looked up at the probe; its answer is kept for the signed request that follows, and
// the identity is bound only then, after the engine has verified the signature.
extension Login {
    struct KeyAnswer: Sendable {
        let username: String
        /// As offered: a certificate is another question than its key.
        let blob: [UInt8]
        let answer: Answer

        enum Answer: Sendable {
            case yes(LoginProgress.Proof, CertificateTerms?)
            case no(MessageCode, Logger.Metadata, reason: String = "")
        }
    }

    func publicKey(
        _ key: OfferedKey,
        _ username: String,
        _ isProven: Bool
    ) async throws -> AuthenticationVerdict {
        if progress.withLock({ $0.keys.contains(key.plainBlob) }) {
            return refuse(.sshAuthKeyReused, username, .publicKey, labels(key))
        }
        switch try await answer(key, username) {
        case .no(let code, let labels, let reason):
            return refuse(code, username, .publicKey, labels, text: shown(reason, code))
        case .yes(let proof, let terms):
            guard isProven else { return .accepted }
            if let fault = fault(in: key, terms, proof) {
                var labels = labels(key)
                labels["reason"] = "\(fault)"
                return refuse(.sshAuthTouchRequired, username, .publicKey, labels)
            }
            if key.certificate != nil {
                let all = self.labels(username, .publicKey).merging(labels(key)) { $1 }
                logger.emit(.sshAuthCertAccepted, all)
            }
            note(proof.age, key, username)
            return try await take(proof, username)
        }
    }

    /// Marks a login that the webhook could not speak about.
    private func note(_ age: Duration?, _ key: OfferedKey, _ username: String) {
        state.update { $0.keyAnswerAge = age }
        guard let age else { return }
        var labels = labels(username, .publicKey).merging(labels(key)) { $1 }
        labels["age"] = "\(age.components.seconds)"
        logger.emit(.sshAuthFromCache, labels)
        metrics.loginFromCache()
    }

    /// How the security key was used, held against what is demanded; `nil` if it is in order.
    private func fault(
        in key: OfferedKey,
        _ terms: CertificateTerms?,
        _ proof: LoginProgress.Proof
    ) -> String? {
        let isDemanded = terms?.requiresVerification == true || proof.requiresVerification
        guard let use = key.securityKey else { return isDemanded ? "not a security key" : nil }
        let needsTouch = rules.requireTouch && terms?.allowsNoTouch != true
        if needsTouch, !use.isUserPresent { return "not touched" }
        let needsVerification = rules.requireUserVerification || isDemanded
        return needsVerification && !use.isUserVerified ? "person not verified" : nil
    }

    private func answer(_ key: OfferedKey, _ username: String) async throws -> KeyAnswer.Answer {
        let known = lastKey.withLock { $0 }
        if let known, known.username == username, known.blob == key.blob { return known.answer }
        let answer = try await judge(key, username)
        lastKey.withLock { $0 = KeyAnswer(username: username, blob: key.blob, answer: answer) }
        return answer
    }

    private func judge(_ key: OfferedKey, _ username: String) async throws -> KeyAnswer.Answer {
        guard let certificate = key.certificate else {
            if let list = try await rules.revokedKeys?.current(), list.revokes(key.plainBlob) {
                return .no(.sshAuthKeyRevoked, labels(key))
            }
            return try await ask(key, username, nil)
        }
        guard let certificates = rules.certificates else {
            return .no(.sshAuthCertRejected, labels(key, reason: "certificates are not accepted"))
        }
        do {
            let terms = try certificates.check(
                certificate,
                username: username,
                clientAddress: state.remoteAddress.host,
                revoked: try await rules.revokedKeys?.current()
            )
            guard certificates.isAuthority else {
                return try await ask(key, username, (certificate, terms))
            }
            return .yes(LoginProgress.Proof(key, certificate, terms), terms)
        } catch let fault as CertificateFault {
            return .no(fault.code, labels(key, reason: fault.description))
        }
    }

    private func ask(
        _ key: OfferedKey,
        _ username: String,
        _ certified: (certificate: OpenSSHCertificate, terms: CertificateTerms)?
    ) async throws -> KeyAnswer.Answer {
        let line = "\(key.type) \(base64(key.blob))"
        var question = AuthQuestion.publicKey(line)
        var authenticator = authenticators.publicKey
        if let certified, let decider = authenticators.certificate {
            question = .certificate(CertificateQuestion(line, certified.certificate))
            authenticator = decider
        }
        guard let authenticator else { return .no(.sshAuthUnavailable, labels(key)) }
        let request = AuthRequest(head: head(username), question: question)
        let answer = try await authenticator.decide(request, country: state.country.now)
        guard answer.success else {
            return .no(.sshAuthFailed, labels(key), reason: answer.reason)
        }
        var proof = LoginProgress.Proof(.publicKey, answer)
        proof.key = key.plainBlob
        if case .certificate = question, let certified {
            // What the webhook says about the same things counts.
            var carried = certified.certificate.carried
            carried.merge(answer.carried)
            proof.carried = carried
        }
        if let more = certified?.terms.limits {
            guard let both = proof.limits.map({ $0.narrowed(by: more) }) ?? more else {
                return .no(.sshAuthCertRejected, labels(key, reason: "two forced commands"))
            }
            proof.limits = both
        }
        return .yes(proof, certified?.terms)
    }

    private func labels(_ key: OfferedKey, reason: String? = nil) -> Logger.Metadata {
        var labels: Logger.Metadata = ["fingerprint": "\(key.fingerprint)"]
        if let certificate = key.certificate {
            labels["keyId"] = "\(certificate.keyID)"
            labels["serial"] = "\(certificate.serial)"
            labels["authority"] = "\(certificate.signatureKey.fingerprint)"
        }
        if let reason { labels["reason"] = "\(reason)" }
        return labels
    }
}

extension LoginProgress.Proof {
    /// What a certificate of an authority proves that the gateway itself trusts.
    fileprivate init(
        _ key: OfferedKey,
        _ certificate: OpenSSHCertificate,
        _ terms: CertificateTerms
    ) {
        self.init(
            method: .publicKey,
            identity: terms.identity,
            carried: certificate.carried,
            limits: terms.limits,
            key: key.plainBlob
        )
    }
}

extension OfferedKey {
    /// The key itself, also of a certificate.
    var plainBlob: [UInt8] { certificate?.publicKey.blob ?? blob }
}

extension OpenSSHCertificate {
    /// What the config webhook is told.
    fileprivate var carried: ConnectionMetadata {
        ConnectionMetadata(metadata: [
            "certificateKeyId": MetadataValue(keyID),
            "certificateSerial": MetadataValue("\(serial)"),
            "certificateAuthority": MetadataValue(signatureKey.fingerprint),
        ])
    }
}

extension CertificateQuestion {
    fileprivate init(_ line: String, _ certificate: OpenSSHCertificate) {
        self.init(
            certificate: line,
            publicKey: certificate.publicKey.authorizedKeysLine,
            authority: certificate.signatureKey.authorizedKeysLine,
            keyID: certificate.keyID,
            serial: certificate.serial,
            principals: certificate.principals,
            validAfter: certificate.validAfter,
            validBefore: certificate.validBefore,
            criticalOptions: Dictionary(
                certificate.criticalOptions.map { ($0.name, $0.text ?? "") },
                uniquingKeysWith: { $1 }
            ),
            extensions: certificate.extensions.map(\.name)
        )
    }
}
