import Foundation
import SharedMessages
import StubHTTPServer
import Synchronization
import Testing

// Serialized: each test has daemons of its own.
@Suite(
    "Conversations and required methods with OpenSSH's client",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct ConversationTests {
    /// A webhook that asks for a password and a code, then waits once, then says yes.
    private static let webhook: StubHTTPServer.Script = { request, _ in
        guard request.path == "/keyboard-interactive" else { return .reply(status: 404) }
        func has(_ text: String) -> Bool { request.body.contains(text) }
        let password = Data("hunter2".utf8).base64EncodedString()
        let code = Data("123456".utf8).base64EncodedString()
        if has(#""state":"one""#) {
            guard has(#""answersBase64":["\#(password)","\#(code)"]"#) else {
                return .json(#"{"success":false}"#)
            }
            return .json(
                #"{"success":false,"challenge":{"instruction":"Almost there.","state":"two"}}"#
            )
        }
        if has(#""state":"two""#), has(#""answersBase64":[]"#) {
            return .json(#"{"success":true,"authenticatedUsername":"dev"}"#)
        }
        return .json(
            #"""
            {"success":false,"challenge":{"name":"Berth","instruction":"Who are you?","state":"one",
            "prompts":[{"prompt":"Password: "},{"prompt":"Code: ","echo":true}]}}
            """#
        )
    }

    private func settings(_ url: String, _ more: String...) -> [String] {
        [
            "auth.keyboardInteractive.method=webhook",
            "auth.keyboardInteractive.webhook.url=\(url)",
            "auth.password.webhook.url=\(url)", "auth.publicKey.webhook.url=\(url)",
            "audit.enable=false",
        ] + more
    }

    /// Logs in by keyboard-interactive; the program that ssh asks answers by the prompt's text.
    private func converse(
        _ installation: Installation,
        code: String,
        options: [String] = []
    ) async throws -> (end: Program.End, prompts: String) {
        let program = installation.config.path("answer")
        let notes = installation.config.path("prompts")
        let script = """
            #!/bin/sh
            printf '%s\\n' "$1" >> \(notes)
            case "$1" in *Password*) echo hunter2 ;; *Code*) echo \(code) ;; esac
            """
        try Data(script.utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
        let login = Installation.Login(
            proof: .key(),
            options: ["BatchMode=no", "NumberOfPasswordPrompts=1"] + options
        )
        let end = try await installation.run(
            "/usr/bin/ssh",
            installation.options(login) + ["-p", "\(installation.config.ports.ssh)"]
                + ["\(Installation.user)@127.0.0.1", "echo in"],
            environment: ["SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force"]
        )
        return (end, (try? String(contentsOfFile: notes, encoding: .utf8)) ?? "")
    }

    @Test("two rounds, one without prompts, let the person in; the client shows every text")
    func rounds() async throws {
        try await StubHTTPServer.run(Self.webhook) { url, stub in
            try await Installation.with(settings(url), daemons: [.configd, .gateway]) {
                let (end, prompts) = try await converse(
                    $0,
                    code: "123456",
                    options: ["PreferredAuthentications=keyboard-interactive"]
                )
                #expect(end.output == "in\n", "\(end.errors)")
                #expect(end.errors.contains("Who are you?"))
                #expect(end.errors.contains("Almost there."))
                #expect(prompts.contains("Password: "))
                #expect(prompts.contains("Code: "))
                #expect(
                    stub.requests.map(\.path) == Array(repeating: "/keyboard-interactive", count: 3)
                )
                for request in stub.requests {
                    #expect(request.body.hasPrefix(#"{"remoteAddress":"127.0.0.1:"#))
                    #expect(request.body.contains(#""username":"dev""#))
                }
            }
        }
    }

    @Test("wrong answers are refused")
    func wrong() async throws {
        try await StubHTTPServer.run(Self.webhook) { url, _ in
            try await Installation.with(settings(url), daemons: [.configd, .gateway]) {
                let (end, _) = try await converse(
                    $0,
                    code: "000000",
                    options: ["PreferredAuthentications=keyboard-interactive"]
                )
                #expect(end.status == 255)
                #expect(end.errors.contains("Permission denied"), "\(end.errors)")
                try await $0.awaitLog(.gateway, .sshAuthFailed)
            }
        }
    }

    @Test(
        "a conversation is recorded, its answers only where passwords are",
        arguments: [true, false]
    )
    func recorded(withPasswords: Bool) async throws {
        try await StubHTTPServer.run(Self.webhook) { url, _ in
            let settings = settings(url, "audit.intercept.passwords=\(withPasswords)")
                .filter { $0 != "audit.enable=false" }
            try await Installation.with(settings, daemons: [.configd, .auditd, .gateway]) {
                let (end, _) = try await converse(
                    $0,
                    code: "123456",
                    options: ["PreferredAuthentications=keyboard-interactive"]
                )
                #expect(end.output == "in\n", "\(end.errors)")
                let recordings = Recordings(installation: $0)
                let id = try await recordings.finished().id
                let shown = try await $0.berth(
                    "recording",
                    "show",
                    "--server",
                    "http://127.0.0.1:\($0.config.ports.auditd)",
                    id
                )
                #expect(shown.output.contains("Who are you?"), "\(shown.errors)")
                #expect(shown.output.contains("123456") == withPasswords)
            }
        }
    }

    @Test("a key and a conversation, in this order; the client is led by partial success")
    func required() async throws {
        let script: StubHTTPServer.Script = { request, index in
            request.path == "/pubkey"
                ? .json(#"{"success":true,"authenticatedUsername":"dev"}"#)
                : Self.webhook(request, index)
        }
        try await StubHTTPServer.run(script) { url, stub in
            let chain = "auth.require=[publickey,keyboard-interactive]"
            try await Installation.with(settings(url, chain), daemons: [.configd, .gateway]) {
                let made = try await $0.run(
                    "/usr/bin/ssh-keygen",
                    ["-q", "-t", "ed25519", "-N", "", "-f", $0.userKey]
                )
                try #require(made.status == 0)
                let (end, _) = try await converse($0, code: "123456", options: ["LogLevel=DEBUG1"])
                #expect(end.output == "in\n", "\(end.errors)")
                #expect(
                    end.errors.contains(
                        #"Authenticated using "publickey" with partial success."#
                    )
                )
                #expect(stub.requests.first?.path == "/pubkey")
                try await $0.awaitLog(.gateway, .sshAuthPartial)
                // The conversation alone is not offered.
                let alone = try await converse(
                    $0,
                    code: "123456",
                    options: ["PreferredAuthentications=keyboard-interactive"]
                )
                #expect(alone.end.status == 255)
                #expect(alone.end.errors.contains("Permission denied (publickey)"))
            }
        }
    }

    @Test("an authority that is no key keeps the gateway from starting")
    func badAuthority() async throws {
        try await Installation.with([], daemons: []) {
            let end = try await $0.daemon(
                .gateway,
                [
                    "auth.certificates.mode=gateway",
                    "auth.certificates.trustedCAs=[\($0.config.path("nowhere"))]",
                ]
            )
            #expect(end.status == 1)
            #expect((end.output + end.errors).contains("SSH_AUTH_CA_UNUSABLE"))
        }
    }

    @Test("a key that is too short or of an unwanted algorithm is refused with its fingerprint")
    func unwantedKeys() async throws {
        try await StubHTTPServer.run { _, _ in
            .json(#"{"success":true,"authenticatedUsername":"dev"}"#)
        } _: { url, stub in
            let more = [
                "auth.publicKey.minimumRSABits=3072", "auth.publicKey.algorithms=[rsa-sha2-512]",
            ]
            try await Installation.with(
                settings(url) + more,
                daemons: [.configd, .gateway]
            ) { installation in
                for (name, arguments, isGood) in [
                    ("short", ["-t", "rsa", "-b", "2048"], false),
                    ("long", ["-t", "rsa", "-b", "3072"], true),
                    ("curve", ["-t", "ed25519"], false),
                ] {
                    let key = installation.config.path(name)
                    let made = try await installation.run(
                        "/usr/bin/ssh-keygen",
                        ["-q", "-N", "", "-f", key] + arguments
                    )
                    try #require(made.status == 0)
                    let login = Installation.Login(
                        proof: .key(key),
                        options: ["PreferredAuthentications=publickey"]
                    )
                    let end = try await installation.ssh("echo in", login)
                    #expect((end.output == "in\n") == isGood, "\(name): \(end.errors)")
                }
                #expect(!stub.requests.isEmpty)
                try await installation.awaitLog(.gateway, .sshAuthKeyRejected)
                #expect(installation.log(.gateway).contains("RSA of 2048 bits"))
            }
        }
    }
}
