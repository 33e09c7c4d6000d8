import SharedConfig

/// What is particular to certificates.
enum CertificateChecks {
    static let all: [WebhookCheck] = [
        WebhookCheck(.certificate, "the user's certificate is accepted, and names who it is") {
            probe in
            guard let question = right(probe) else { return needs("--certificate-file") }
            return try await probe.ask(.certificate, question).accepted
        },
        WebhookCheck(.certificate, "the user's certificate is refused for another user") { probe in
            guard let question = right(probe) else { return needs("--certificate-file") }
            let other = question.with("username", .string(Question.nobody))
            return try await probe.ask(.certificate, other).refused
        },
        WebhookCheck(.certificate, "a certificate of an authority that nobody trusts is refused") {
            probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            let principals = ConfigTree.list([.string(probe.target.username)])
            // Only the keys beside the certificate say that it is for the user.
            let question = Question(.certificate, username: probe.target.username)
                .with("principals", principals)
            return try await probe.ask(.certificate, question).refused
        },
        WebhookCheck(.certificate, "the user's certificate with another signature is refused") {
            probe in
            guard let question = right(probe), let line = probe.target.certificate else {
                return needs("--certificate-file")
            }
            // The signature is what ends a certificate.
            let padding = line.reversed().prefix { $0 == "=" }.count
            let spoiled =
                String(line.dropLast(padding + 8)) + "AAAAAAAA"
                + String(repeating: "=", count: padding)
            let answer = try await probe.ask(
                .certificate,
                question.with("certificate", .string(spoiled))
            )
            // The gateway has checked it, so a webhook need not.
            return answer.isSuccess
                ? .warned("accepted: whoever reaches the webhook past the gateway can pose")
                : answer.rejected(.certificate)
        },
        WebhookCheck(.certificate, "a certificate that is none is rejected") { probe in
            let line = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5z"
            let question = Question(.certificate).with("certificate", .string(line))
            return try await probe.ask(.certificate, question).rejected(.certificate)
        },
        WebhookCheck(.certificate, "a plain key in its place is rejected") { probe in
            let question = Question(.certificate)
                .with("certificate", .string(Question.strangersKey))
            return try await probe.ask(.certificate, question).rejected(.certificate)
        },
        WebhookCheck(.certificate, "a question without a certificate is rejected") { probe in
            let question = Question(.certificate).with("certificate", nil)
            return try await probe.ask(.certificate, question).rejected(.certificate)
        },
        WebhookCheck(.certificate, "principals that are no list are rejected") { probe in
            let question = Question(.certificate).with("principals", "root")
            return try await probe.ask(.certificate, question).rejected(.certificate)
        },
    ]

    private static func right(_ probe: Probe) -> Question? {
        probe.target.certificate.map { line in
            Question(.certificate, username: probe.target.username)
                .with("certificate", .string(line))
                .with("principals", .list([.string(probe.target.username)]))
        }
    }
}
