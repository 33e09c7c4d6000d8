import Foundation
import Glibc
import Testing

@Suite("berth webhook", .timeLimit(.minutes(10)))
struct WebhookCommandTests {
    @Test("test finds nothing wrong with authd and configd, and says so in JUnit's format too")
    func ours() async throws {
        try await Installation.with(daemons: [.authd, .configd]) { installation in
            let ports = installation.config.ports
            let password = installation.config.path("password")
            try Data("\(Installation.password)\n".utf8).write(to: URL(filePath: password))
            let junit = installation.config.path("junit.xml")
            let end = try await installation.berth(
                "webhook",
                "test",
                "--auth",
                "http://127.0.0.1:\(ports.authd)",
                "--config",
                "http://127.0.0.1:\(ports.configd)/config",
                "--user",
                Installation.user,
                "--password-file",
                password,
                "--key-file",
                installation.userKey + ".pub",
                "--timeout",
                "30",
                "--junit",
                junit
            )
            #expect(end.status == 0, "\(end.output)")
            #expect(!end.output.contains("FAIL"))
            #expect(end.output.contains("0 failed, 0 skipped"), "\(end.output)")
            let xml = try String(contentsOfFile: junit, encoding: .utf8)
            #expect(xml.contains("the right password is accepted"))
            #expect(xml.contains(#"failures="0""#))
        }
    }

    @Test("mock says what its script says; test tells its mistakes and ends with status 1")
    func mock() async throws {
        try await Installation.with(daemons: []) { installation in
            let script = installation.config.path("script.yaml")
            let port = Surroundings.freePort()
            try Data("replies: [{json: {success: true}}]".utf8).write(to: URL(filePath: script))
            let mock = try installation.launch(
                Surroundings.programs.appending(path: "berth").path,
                ["webhook", "mock", script, "--listen", "127.0.0.1:\(port)"]
            )
            try await wait(for: "the mock listens") { mock.output.contains("listening on") }
            let end = try await installation.berth(
                "webhook",
                "test",
                "--quiet",
                "--auth",
                "http://127.0.0.1:\(port)",
                "--user",
                "alice",
                "--timeout",
                "30"
            )
            #expect(end.status == 1)
            #expect(end.output.contains("FAIL /password: a wrong password is refused"))
            #expect(!end.output.contains("ok  "))
            #expect(mock.output.contains(#""path":"/password""#))
            mock.send(SIGTERM)
            _ = try await mock.end()
        }
    }

    @Test("over TLS certificates of both sides are checked, and a server that does not is found")
    func tls() async throws {
        try await Installation.with(daemons: []) { installation in
            let made = try await installation.run(
                "/bin/sh",
                ["-c", "cd \(installation.config.folder.path) && \(Self.certificates)"]
            )
            try #require(made.status == 0, "\(made.errors)")
            func path(_ name: String) -> String { installation.config.path(name) }
            let server = ["--cert", path("server.pem"), "--cert-key", path("server.key")]
            let client = [
                "--cacert", path("ca.pem"), "--cert", path("client.pem"), "--cert-key",
                path("client.key"),
            ]
            let strict = server + ["--clientcacert", path("ca.pem")]
            let good = try await test(installation, mock: strict, client)
            #expect(good.status == 0, "\(good.output)")
            #expect(good.output.contains("ok   TLS: auth: a client without a certificate"))
            let bare = try await test(installation, mock: strict, Array(client.prefix(2)))
            #expect(bare.status == 1)
            #expect(bare.output.contains("no answer"))
            let lax = try await test(installation, mock: server, client)
            #expect(lax.status == 1)
            #expect(lax.output.contains("answered without a client certificate"))
        }
    }

    /// Tests a mock that refuses everybody over TLS.
    private func test(
        _ installation: Installation,
        mock options: [String],
        _ arguments: [String]
    ) async throws -> Program.End {
        let port = Surroundings.freePort()
        let mock = try installation.launch(
            Surroundings.programs.appending(path: "berth").path,
            ["webhook", "mock", "--listen", "127.0.0.1:\(port)"] + options
        )
        try await wait(for: "the mock listens: \(mock.output)") {
            mock.output.contains("listening on")
        }
        let end = try await installation.run(
            Surroundings.programs.appending(path: "berth").path,
            [
                "webhook", "test", "--auth", "https://localhost:\(port)", "--endpoint",
                "/password", "--timeout", "30",
            ] + arguments
        )
        mock.send(SIGTERM)
        _ = try await mock.end()
        return end
    }

    /// An authority with a certificate for a server and one for a client.
    private static let certificates = """
        set -e
        key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        openssl req -x509 $key -days 2 -subj /CN=authority -keyout ca.key -out ca.pem
        echo "subjectAltName=DNS:localhost,IP:127.0.0.1" > server.ext
        echo "extendedKeyUsage=clientAuth" > client.ext
        for name in server client; do
            openssl req -new $key -subj /CN=$name -keyout $name.key -out $name.csr
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                -extfile $name.ext -out $name.pem
        done
        """

    @Test("a script with a mistake ends the mock with status 78 and the place of the mistake")
    func brokenScript() async throws {
        try await Installation.with(daemons: []) { installation in
            let script = installation.config.path("script.yaml")
            try Data("replies:\n  - {statuss: 200}\n".utf8).write(to: URL(filePath: script))
            let end = try await installation.berth("webhook", "mock", script)
            #expect(end.status == 78)
            #expect(end.errors.contains("statuss"), "\(end.errors)")
        }
    }

    @Test(
        "the examples of docs/webhooks.md pass the test",
        arguments: [
            Example(language: "python", file: "hook.py", start: "exec python3 hook.py"),
            Example(language: "js", file: "hook.js", start: "exec node hook.js"),
            Example(
                language: "go",
                file: "hook.go",
                start: "go build -o hook hook.go && exec ./hook"
            ),
        ].filter(\.canRun)
    )
    func examples(_ example: Example) async throws {
        try await Installation.with(daemons: []) { installation in
            let port = Surroundings.freePort()
            let key =
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
            let folder = installation.config.folder
            let code = try example.code
                .replacing("8080", with: "\(port)")
                .replacing("ssh-ed25519 AAAAC3Nz...", with: key)
            try Data(code.utf8).write(to: folder.appending(path: example.file))
            for (name, text) in [("key.pub", key), ("password", "secret")] {
                try Data("\(text)\n".utf8).write(to: folder.appending(path: name))
            }
            let hook = try installation.launch(
                "/bin/sh",
                ["-c", "cd \(folder.path) && \(example.start)"],
                environment: [
                    "HOME": folder.path, "GOCACHE": folder.appending(path: "go").path,
                    "GO111MODULE": "off",
                ]
            )
            let client = "http://127.0.0.1:\(port)"
            try await wait(.seconds(240), for: "the example listens; it wrote: \(hook.output)") {
                let end = try await installation.run("/usr/bin/curl", ["-fsS", client])
                return end.status == 0 || end.status == 22  // any answer
            }
            let arguments = [
                "webhook", "test", "--auth", client, "--user", "alice", "--timeout", "30",
                "--password-file", installation.config.path("password"), "--key-file",
                installation.config.path("key.pub"), "--endpoint", "/password", "--endpoint",
                "/pubkey",
            ]
            let end = try await installation.run(
                Surroundings.programs.appending(path: "berth").path,
                arguments
            )
            hook.send(SIGKILL)
            let left = try await hook.end()
            #expect(end.status == 0, "\(end.output) \(left.errors)")
        }
    }

    struct Example: Sendable, CustomStringConvertible {
        let language: String
        let file: String
        /// A shell's words that become the webhook.
        let start: String

        var description: String { language }

        var canRun: Bool {
            let program = ["python": "python3", "js": "node", "go": "go"][language] ?? language
            return ["/usr/bin", "/usr/local/bin"].contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
            }
        }

        /// The block in this language.
        var code: String {
            get throws {
                let page = URL(filePath: #filePath).deletingLastPathComponent()
                    .appending(path: "../../../docs/webhooks.md").standardizedFileURL
                let text = try String(contentsOf: page, encoding: .utf8)
                let parts = text.components(separatedBy: "```\(language)\n")
                let block = try #require(parts.dropFirst().first)
                return try #require(block.components(separatedBy: "```").first)
            }
        }
    }
}
