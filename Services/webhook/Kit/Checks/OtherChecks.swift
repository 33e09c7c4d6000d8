import SharedConfig
import SharedHTTP
import SharedMessages

/// Conversations, configurations, the events of sessions, and the connection itself.
enum OtherChecks {
    static let conversations: [WebhookCheck] = [
        WebhookCheck(.keyboardInteractive, "a conversation begins with questions or a verdict") {
            probe in
            let name = probe.target.username.isEmpty ? Question.nobody : probe.target.username
            let question = Question(.keyboardInteractive, username: name)
            let answer = try await probe.ask(.keyboardInteractive, question)
            if answer.isSuccess { return .failed("accepted without a question") }
            return answer.inOrder
        },
        WebhookCheck(.keyboardInteractive, "answers with a state that it never gave are refused") {
            probe in
            let question = Question(.keyboardInteractive, username: probe.target.username)
                .with("state", "never given").with("answersBase64", ["MTIzNDU2"])
            return try await probe.ask(.keyboardInteractive, question)
                .rejected(.keyboardInteractive)
        },
        WebhookCheck(.keyboardInteractive, "wrong answers are not accepted") { probe in
            let name = probe.target.username.isEmpty ? Question.nobody : probe.target.username
            let question = Question(.keyboardInteractive, username: name)
            let first = try await probe.ask(.keyboardInteractive, question)
            guard let challenge = first.tree?["challenge"],
                case .list(let prompts)? = challenge["prompts"]
            else { return .skipped("it asks nothing") }
            let answers = prompts.map { _ in ConfigTree.string(Question.base64("wrong")) }
            let second = try await probe.ask(
                .keyboardInteractive,
                question.with("state", challenge["state"] ?? "")
                    .with("answersBase64", .list(answers))
            )
            if second.isSuccess { return .failed("accepted: \(second.verdict)") }
            return second.inOrder
        },
    ]

    static let configurations: [WebhookCheck] = [
        WebhookCheck(.config, "the configuration of a user is valid") { probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            return try await configuration(probe, probe.target.username)
        },
        WebhookCheck(.config, "the configuration of somebody unknown is valid, or refused") {
            probe in
            try await configuration(probe, Question.nobody)
        },
        WebhookCheck(.config, "a question without an identity is answered") { probe in
            let question = Question(.config).with("authenticatedUsername", nil)
            return try await probe.ask(.config, question).handled(.config)
        },
    ]

    static let events: [WebhookCheck] = [
        WebhookCheck(.session, "an event that comes twice is accepted twice") { probe in
            let question = Question(.session)
            for _ in 0..<2 {
                let answer = try await probe.ask(.session, question)
                guard (200...299).contains(answer.status) else {
                    return .failed("status \(answer.status), not 2xx: it would be sent for ever")
                }
            }
            return .passed
        },
        WebhookCheck(.session, "an event of a kind it does not know is accepted") { probe in
            let answer = try await probe.ask(.session, Question(.session).with("event", "later"))
            return (200...299).contains(answer.status)
                ? .passed : .warned("status \(answer.status)")
        },
    ]

    static let connection: [WebhookCheck] = [
        WebhookCheck("connection", "a URL that ends with a slash works as well") { probe in
            guard let endpoint = authEndpoint(probe) else { return needs("--auth") }
            do {
                let path = "/" + endpoint.rawValue
                let reply = try await probe.post(endpoint, Question(endpoint).body, path: path)
                return reply.status == 200 ? .passed : .warned("\(path) gives \(reply.status)")
            } catch let failure as CheckFailure {
                return .warned(failure.text)
            }
        },
        WebhookCheck("connection", "100 questions in a row are answered") { probe in
            guard let endpoint = authEndpoint(probe) ?? configEndpoint(probe) else {
                return needs("--auth or --config")
            }
            for _ in 0..<100 {
                let answer = try await probe.ask(endpoint, Question(endpoint))
                guard answer.status < 500 else { return .failed("status \(answer.status)") }
            }
            return .passed
        },
    ]

    /// Only where the URL says https.
    static func tls(_ name: String, _ config: HTTPClientConfig) -> [WebhookCheck] {
        [
            WebhookCheck("TLS", "\(name): TLS 1.3 is spoken") { _ in
                var strict = config
                strict.tlsVersion = .v13
                return try await reach(strict)
            },
            WebhookCheck("TLS", "\(name): the certificate holds for the name in the URL") { _ in
                try await reach(config)
            },
            WebhookCheck("TLS", "\(name): a client without a certificate is turned away") { _ in
                guard !config.certificate.isEmpty else { return needs("--cert and --cert-key") }
                var bare = config
                bare.certificate = PEMSource("")
                bare.key = PEMSource("")
                return try await isReached(bare)
                    ? .failed("answered without a client certificate") : .passed
            },
            WebhookCheck("TLS", "\(name): there is no answer without TLS") { _ in
                var plain = config
                plain.url = "http://" + config.url.dropFirst("https://".count)
                let status = try await status(plain)
                return status.map { (200...299).contains($0) } ?? false
                    ? .failed("answered without TLS") : .passed
            },
        ]
    }

    // MARK: - Private

    private static func authEndpoint(_ probe: Probe) -> WebhookEndpoint? {
        [.password, .publicKey, .authorization, .keyboardInteractive].first(where: probe.has)
    }

    private static func configEndpoint(_ probe: Probe) -> WebhookEndpoint? {
        probe.has(.config) ? .config : nil
    }

    private static func configuration(_ probe: Probe, _ name: String) async throws -> CheckOutcome {
        let answer = try await probe.ask(.config, Question(.config, username: name))
        if (400...499).contains(answer.status) {
            return name == Question.nobody ? .passed : .failed("status \(answer.status)")
        }
        guard answer.status == 200, answer.faults.isEmpty else { return answer.inOrder }
        do {
            let user = try probe.target.base.applying(reply: answer.tree?["config"] ?? .null)
            guard user.ignoredKeys.isEmpty else {
                return .warned("no effect: \(user.ignoredKeys.joined(separator: ", "))")
            }
        } catch {
            return .failed("\(error)")
        }
        return answer.inOrder
    }

    private static func reach(_ config: HTTPClientConfig) async throws -> CheckOutcome {
        try await isReached(config) ? .passed : .failed("no connection")
    }

    private static func isReached(_ config: HTTPClientConfig) async throws -> Bool {
        try await status(config) != nil
    }

    private static func status(_ config: HTTPClientConfig) async throws -> Int? {
        var target = WebhookTarget()
        target.auth = config
        do {
            let probe = try Probe(target)
            defer { probe.shutdown() }
            return try await probe.post(.password, Question(.password).body).status
        } catch is CheckFailure {
            return nil
        } catch let error as CodedError {
            throw CheckFailure(text: error.description)
        }
    }
}
