import Foundation
import ProviderDouble
import SharedMessages
import StubHTTPServer
import Testing

// Serialized: each test has daemons of its own.
@Suite(
    "Logins at an OAuth2 provider with OpenSSH's client",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(6)),
    .serialized
)
struct ProviderTests {
    /// Who leads the conversation.
    enum Leader: CaseIterable {
        case gateway
        case authd

        var section: String {
            switch self {
            case .gateway: "auth.keyboardInteractive.oauth2"
            case .authd: "authd.oauth2"
            }
        }

        var daemon: DaemonName { self == .gateway ? .gateway : .authd }
    }

    private let redirectPort = Surroundings.freePort()

    private func settings(
        _ leader: Leader,
        _ url: String,
        flow: String = "deviceFlow",
        _ more: [String] = []
    ) -> [String] {
        let oauth2 = leader.section
        let method =
            switch leader {
            case .gateway: ["auth.keyboardInteractive.method=oauth2"]
            case .authd:
                [
                    "auth.keyboardInteractive.method=webhook",
                    "auth.keyboardInteractive.webhook.url=http://{authd}",
                    "auth.keyboardInteractive.webhook.timeout=60s", "authd.oauth2.longestRound=3s",
                ]
            }
        return method + [
            "\(oauth2).clientId=\(ProviderDouble.clientID)",
            "\(oauth2).clientSecret=\(ProviderDouble.clientSecret)", "\(oauth2).provider=oidc",
            "\(oauth2).oidc.url=\(url)/", "\(oauth2).oidc.timeout=60s",
            "\(oauth2).oidc.\(flow)=true", "\(oauth2).oidc.usernameField=preferred_username",
            "\(oauth2).oidc.redirectURI=http://127.0.0.1:\(redirectPort)/",
            "\(oauth2).redirect.listen=127.0.0.1:\(redirectPort)",
            "audit.enable=false",
        ] + more
    }

    private func run(
        _ leader: Leader,
        flow: String = "deviceFlow",
        _ more: [String] = [],
        behaviour: ProviderDouble.Behaviour = .init(),
        daemons: [DaemonName] = [.authd, .configd, .gateway],
        _ body: (Installation, ProviderDouble) async throws -> Void
    ) async throws {
        try await ProviderDouble.run(behaviour) { url, double, _ in
            let settings = settings(leader, url, flow: flow, more)
                .filter { !daemons.contains(.auditd) || $0 != "audit.enable=false" }
            try await Installation.with(settings, daemons: daemons) { try await body($0, double) }
        }
    }

    /// Starts ssh; the program that it asks waits for what the person pastes.
    private func launch(
        _ installation: Installation,
        _ options: [String] = ["PreferredAuthentications=keyboard-interactive"],
        user: String = Installation.user
    ) throws -> Program {
        let program = installation.config.path("paste-\(UUID().uuidString)")
        let pasted = installation.config.path("pasted")
        let script = """
            #!/bin/sh
            while [ ! -f \(pasted) ]; do sleep 0.1; done
            cat \(pasted)
            """
        try Data(script.utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
        var login = Installation.Login(
            user: user,
            proof: .key(),
            options: ["BatchMode=no", "NumberOfPasswordPrompts=1"] + options
        )
        login.options.append("LogLevel=DEBUG1")
        return try installation.launch(
            "/usr/bin/ssh",
            installation.options(login) + ["-p", "\(installation.config.ports.ssh)"]
                + ["\(user)@127.0.0.1", "echo in; env"],
            environment: ["SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force"]
        )
    }

    /// The person enters the code that ssh shows.
    private func enter(
        _ program: Program,
        _ double: ProviderDouble,
        isAllowed: Bool = true
    ) async throws {
        try await wait(for: "a code on the screen") {
            double.openUserCodes.contains { program.errors.contains($0) }
        }
        for code in double.openUserCodes where program.errors.contains(code) {
            double.enter(code, isAllowed: isAllowed)
        }
    }

    /// The person opens the address that ssh shows, and pastes what the page shows.
    private func paste(_ program: Program, _ installation: Installation) async throws {
        func address() -> String? {
            program.errors.split(whereSeparator: \.isWhitespace).map(String.init)
                .first { $0.hasPrefix("http") && $0.contains("code_challenge") }
        }
        try await wait(for: "an address on the screen") { address() != nil }
        let page = try await installation.run(
            "/usr/bin/curl",
            ["-fsSL", "--max-time", "90", try #require(address())]
        )
        let shown = try #require(
            page.output.firstMatch(of: /<code>([^<]+)<\/code>/)?.1,
            "\(page.output)\(page.errors)"
        )
        // As a whole, as somebody waits for it.
        let file = installation.config.path("pasted")
        try Data("\(shown)\n".utf8).write(to: URL(filePath: file + ".new"))
        try FileManager.default.moveItem(atPath: file + ".new", toPath: file)
    }

    @Test("the device flow lets in whoever enters the code", arguments: Leader.allCases)
    func device(_ leader: Leader) async throws {
        try await run(leader) { installation, double async throws in
            let ssh = try launch(installation)
            try await enter(ssh, double)
            let end = try await ssh.end()
            #expect(end.output.hasPrefix("in\n"), "\(end.errors)")
            #expect(end.errors.contains("/activate?user_code="))
            try await installation.awaitLog(leader.daemon, .authOAuth2Accepted)
            // Neither tokens nor secrets.
            for daemon in [DaemonName.gateway, .authd, .configd] {
                let log = installation.log(daemon)
                #expect(!log.contains("access-") && !log.contains("s3cret"), "\(daemon)")
            }
            #expect(!end.output.contains("access-"))
        }
    }

    @Test("the code of the redirect page lets in whoever pastes it", arguments: Leader.allCases)
    func code(_ leader: Leader) async throws {
        try await run(leader, flow: "authorizationCodeFlow") { installation, _ async throws in
            let ssh = try launch(installation)
            try await paste(ssh, installation)
            let end = try await ssh.end()
            #expect(end.output.hasPrefix("in\n"), "\(end.errors)")
            try await installation.awaitLog(leader.daemon, .authOAuth2Accepted)
        }
    }

    @Test("whoever says no at the provider is told so", arguments: Leader.allCases)
    func denied(_ leader: Leader) async throws {
        try await run(leader) { installation, double async throws in
            let ssh = try launch(installation)
            try await enter(ssh, double, isAllowed: false)
            let end = try await ssh.end()
            #expect(end.status == 255)
            #expect(end.errors.contains("The login was denied."), "\(end.errors)")
            #expect(end.errors.contains("Permission denied"))
            try await installation.awaitLog(.gateway, .sshAuthFailed)
        }
    }

    @Test("a key, then the provider: both must name the same user", arguments: [true, false])
    func chain(isSame: Bool) async throws {
        var behaviour = ProviderDouble.Behaviour()
        if !isSame { behaviour.person.login = "eve" }
        let chain = "auth.require=[publickey,keyboard-interactive]"
        try await run(.gateway, [chain], behaviour: behaviour) {
            installation,
            double async throws in
            let ssh = try launch(installation, [])
            try await enter(ssh, double)
            let end = try await ssh.end()
            #expect(end.errors.contains(#"using "publickey" with partial success"#))
            #expect(end.output.hasPrefix("in\n") == isSame, "\(end.errors)")
            let code: MessageCode = isSame ? .sshAuthSuccessful : .sshAuthIdentityChanged
            try await installation.awaitLog(.gateway, code)
            // The provider alone is not enough.
            let alone = try await launch(installation).end()
            #expect(alone.errors.contains("Permission denied (publickey)"), "\(alone.errors)")
        }
    }

    @Test("a key, then the provider, with authd")
    func chainWithAuthd() async throws {
        let chain = "auth.require=[publickey,keyboard-interactive]"
        try await run(.authd, [chain]) { installation, double async throws in
            let ssh = try launch(installation, [])
            try await enter(ssh, double)
            let end = try await ssh.end()
            #expect(end.output.hasPrefix("in\n"), "\(end.errors)")
        }
    }

    @Test("a provider that does not answer ends the attempt, and the operator is told why")
    func away() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.answers["/.well-known/openid-configuration"] = .reply(status: 503)
        try await run(.gateway, behaviour: behaviour) { installation, _ async throws in
            let end = try await launch(installation).end()
            #expect(end.status == 255)
            try await installation.awaitLog(.gateway, .oidcDiscoveryFailed)
            try await installation.awaitLog(.gateway, .sshAuthUnavailable)
        }
    }

    @Test("a recording shows what the person was shown, and no token")
    func recorded() async throws {
        try await run(.gateway, daemons: [.authd, .configd, .auditd, .gateway]) {
            installation,
            double async throws in
            let ssh = try launch(installation)
            try await enter(ssh, double)
            #expect(try await ssh.end().output.hasPrefix("in\n"))
            let recordings = Recordings(installation: installation)
            let shown = try await installation.berth(
                "recording",
                "show",
                "--server",
                "http://127.0.0.1:\(installation.config.ports.auditd)",
                try await recordings.finished().id
            )
            #expect(shown.output.contains("and enter the code"), "\(shown.errors)")
            #expect(!shown.output.contains("access-"))
        }
    }

    @Test("a page that is not there keeps the gateway from starting")
    func noPage() async throws {
        try await Installation.with(
            settings(.gateway, "http://127.0.0.1:1"),
            daemons: []
        ) {
            let section = Leader.gateway.section
            let end = try await $0.daemon(.gateway, ["\(section).redirect.webroot=/nowhere"])
            #expect(end.status == 1)
            #expect((end.output + end.errors).contains("AUTH_OAUTH2_PAGE_UNUSABLE"))
        }
    }
}
