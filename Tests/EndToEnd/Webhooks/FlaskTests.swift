import Foundation
import Glibc
import Testing

/// A webhook as people write them for ContainerSSH, with its replies of version 0.4 and later.
@Suite(
    "A webhook in Flask",
    .timeLimit(.minutes(5)),
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
)
struct FlaskTests {
    private static let program = """
        import base64, sys
        from flask import Flask, jsonify, request

        app = Flask(__name__)
        KEY = open(sys.argv[2]).read().split()[:2]

        @app.post("/password")
        def password():
            data = request.get_json()
            given = base64.b64decode(data["passwordBase64"]).decode()
            ok = data["username"] == "dev" and given == "correct horse battery"
            return jsonify({"success": ok})

        @app.post("/pubkey")
        def pubkey():
            data = request.get_json()
            ok = data["username"] == "dev" and data["publicKey"].split() == KEY
            return jsonify({"success": ok, "authenticatedUsername": "dev" if ok else ""})

        @app.post("/config")
        def config():
            data = request.get_json()
            environment = {"FROM_FLASK": {"value": data["username"], "sensitive": False}}
            return jsonify({"config": {"backend": "sandbox"}, "environment": environment})

        app.run("127.0.0.1", int(sys.argv[1]))
        """

    @Test("lets in by password and by key, and says what the person gets; strangers are refused")
    func logins() async throws {
        let python = try #require(Surroundings.python)
        let port = Surroundings.freePort()
        let url = "http://127.0.0.1:\(port)"
        let settings = [
            "auth.password.webhook.url=\(url)", "auth.publicKey.webhook.url=\(url)",
            "configserver.url=\(url)/config", "audit.enable=false",
        ]
        // authd is there only for its user's key to be made.
        try await Installation.with(settings, daemons: [.authd, .gateway]) { installation in
            let script = installation.config.path("webhook.py")
            try Data(Self.program.utf8).write(to: URL(filePath: script))
            let flask = try installation.launch(
                python,
                [script, "\(port)", installation.userKey + ".pub"]
            )
            try await wait(for: "Flask listens: \(flask.errors)") {
                let end = try await installation.run("/usr/bin/curl", ["-sS", url])
                return end.status == 0
            }
            for login in [Installation.Login.key, .password] {
                let end = try await installation.ssh("echo $FROM_FLASK", login)
                #expect(end.output == "dev\n", "\(end.errors)")
            }
            let wrong = Installation.Login(proof: .password("wrong"))
            #expect(try await installation.ssh("true", wrong).status == 255)
            flask.send(SIGTERM)
            _ = try await flask.end()
        }
    }
}
