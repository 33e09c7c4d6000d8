import SharedConfig
import SharedMessages
import Testing

@Suite("Loading")
struct LoaderTests {
    @Test("no file at all gives the defaults, and they keep every rule")
    func defaults() throws {
        let loaded = try ConfigLoader.load(path: nil, environment: [:], overrides: [])
        #expect(loaded.config == BerthConfig())
        #expect(loaded.warnings.isEmpty)
    }

    @Test("a file that is not there is a problem that names it")
    func missing() {
        #expect(throws: ConfigProblems.self) {
            try ConfigLoader.load(path: "/nonexistent/x.yaml", environment: [:], overrides: [])
        }
    }

    @Test("everything that is wrong is reported at once, with path, value, rule and line")
    func allAtOnce() {
        let found = problems(
            """
            ssh:
              listen: nowhere
              clientAliveCountMax: 0
              maxAuthTries: many
              cipher: []
            auth:
              password:
                method: webhook
                webhook: {url: "127.0.0.1:8080", timeout: 10ms}
            audit: {enable: true, storage: s3}
            log: {level: loud}
            health: {listen: 3}
            """
        )
        let expected = [
            #"ssh.maxAuthTries: is "many", must be a whole number (line 4)"#,
            "ssh.cipher: is not a known key, maybe ciphers (line 5)",
            #"log.level: is "loud", must be one of debug, info, notice, warning, error, crit,"#
                + " alert, emerg, or a number 0...7 (line 11)",
            "ssh.listen: is nowhere, must be host:port or unix:///path (line 2)",
            "ssh.clientAliveCountMax: is 0, must be at least 1 (line 3)",
            "auth.password.webhook.url: is 127.0.0.1:8080, must be an absolute URL (line 9)",
            "auth.password.webhook.timeout: is 10ms, must be at least 100ms (line 9)",
            "audit.s3.accessKey: must be set", "audit.s3.secretKey: must be set",
            "audit.s3.bucket: must be set",
        ]
        #expect(found == expected)
    }

    @Test("a section of the wrong type is one problem, not one per key")
    func wrongSection() {
        #expect(problems("ssh: 5") == ["ssh: is 5, must be a map (line 1)"])
        #expect(problems("[]") == ["must be a map"].map { "is a list, \($0)" })
    }

    @Test("a problem with a secret shows no value")
    func maskedProblems() {
        let found = problems("audit: {s3: {secretKey: [hunter2]}, s4: hunter2}")
        #expect(found.count == 2)
        #expect(found.allSatisfy { !$0.contains("hunter2") })
    }

    @Test("zero, false and empty lists mean what they say")
    func emptyValues() throws {
        let config = try load(
            """
            log: {level: 0}
            security: {maxSessions: 0}
            docker: {execution: {subsystems: {}, mode: session, shellCommand: []}}
            auth: {gssapi: {kerberos: {enforceUsername: false}}}
            """
        ).config
        #expect(config.log.level == .emerg)
        #expect(config.security.maxSessions == 0)
        #expect(config.docker.execution.subsystems == [:])
        #expect(config.docker.execution.shellCommand == [])
        #expect(!config.auth.gssapi.kerberos.enforceUsername)
    }

    @Test("null stands for the default")
    func null() throws {
        #expect(try load("ssh: {maxAuthTries: }\nlog: ~\n").config == BerthConfig())
    }

    @Test("a string may be written as a number")
    func unquoted() throws {
        let config = try load("configserver: {url: 'http://x', tlsVersion: 1.2}").config
        #expect(config.configServer.client.tlsVersion == .v12)
    }

    @Test("curves and ciphers may be one string with colons")
    func colons() throws {
        let config = try load("metrics: {curves: 'X25519:prime256v1'}").config
        #expect(config.metrics.server.curves == [.x25519, .secp256r1])
    }

    @Test("a JSON file means the same as a YAML file, and the case of its keys does not matter")
    func jsonFile() throws {
        let text = #"{"SSH":{"Listen":"a:1"},"docker":{"timeouts":{"http":5000000000}}}"#
        let config = try load(text, named: "config.json").config
        #expect(config.ssh.listen == "a:1")
        #expect(config.docker.timeouts.http == .seconds(5))
    }

    @Test("a daemon's listener that others can reach needs TLS or an explicit word")
    func insecureListeners() throws {
        for section in ["authd", "configd", "auditd", "metricsd"] {
            let open = "\(section): {listen: '0.0.0.0:7000'"
            #expect(problems(open + "}").count == 1, "\(section)")
            #expect(problems(open + ", allowInsecure: true}") == [], "\(section)")
            #expect(problems(open + ", cert: /c.pem, key: /k.pem}") == [], "\(section)")
        }
        #expect(problems("authd: {admin: {listen: '10.0.0.1:1'}}").count == 2)
    }

    @Test("authd's administration on TCP needs a token or client certificates")
    func openAdministration() {
        let local = "authd: {admin: {listen: '127.0.0.1:1'"
        #expect(
            problems(local + "}}").map { $0.prefix { $0 != ":" } } == ["authd.admin.listen"]
        )
        #expect(problems(local + ", token: 0123456789abcdef}}") == [])
        let certificates = ", cert: /c.pem, key: /k.pem"
        #expect(problems(local + certificates + "}}").count == 1)
        #expect(problems(local + certificates + ", clientcacert: /ca.pem}}") == [])
        #expect(problems("authd: {admin: {listen: 'unix:///run/a'}}") == [])
    }

    @Test("without a config webhook the chosen backend's rules are checked, with one they wait")
    func backendRules() {
        let proxy = "backend: sshproxy\nsshproxy: {port: 0}\n"
        let paths = problems(proxy).map { $0.prefix { $0 != ":" } }
        #expect(
            paths == [
                "sshproxy.server", "sshproxy.port", "sshproxy.username",
                "sshproxy.allowedHostKeyFingerprints",
            ]
        )
        #expect(problems(proxy + "configserver: {url: 'http://127.0.0.1:7020/config'}\n") == [])
    }

    @Test(
        "redaction that the backend can't do loads with a warning",
        arguments: [
            ("backend: sandbox", false), ("backend: docker", false),
            ("backend: oci\noci: {image: x}", false),
            ("backend: kubernetes\nkubernetes: {connection: {host: k}}", false),
            (
                "backend: kubernetes\n"
                    + "kubernetes: {connection: {host: k}, pod: {disableAgent: true}}",
                true
            ),
            ("backend: docker\ndocker: {execution: {disableAgent: true}}", true),
            ("backend: docker\ndocker: {execution: {agent: {delivery: none}}}", true),
            ("backend: sshproxy\nconfigserver: {url: 'http://127.0.0.1:7020'}", true),
        ]
    )
    func redaction(_ backend: String, isWarned: Bool) throws {
        let audit = "audit: {enable: true, intercept: {stdin: true, redactHiddenInput: true}}\n"
        let codes = try load(audit + backend).warnings.map(\.code)
        #expect(codes.contains(.configRedactionUnavailable) == isWarned)
        let silent = audit.replacing("stdin: true", with: "stdin: false")
        #expect(try load(silent + backend).warnings.isEmpty)
    }

    @Test("algorithms of old files load with a warning, unknown ones do not")
    func legacyAlgorithms() throws {
        let loaded = try load(
            "ssh: {ciphers: [aes128-ctr, arcfour, aes128-cbc], macs: [hmac-sha1, hmac-sha2-256]}"
        )
        #expect(
            loaded.warnings.map(\.text) == ["ssh: arcfour", "ssh: aes128-cbc", "ssh: hmac-sha1"]
        )
        #expect(
            loaded.warnings.map(\.code) == [
                .configAlgorithmNotOffered, .configAlgorithmWeak, .configAlgorithmWeak,
            ]
        )
        #expect(try load("ssh: {kex: [diffie-hellman-group14-sha1]}").warnings.count == 1)
        #expect(problems("ssh: {ciphers: [arcfour, tripledescbcID]}").count == 1)
        #expect(problems("ssh: {kex: [diffie-hellman-group1-sha1]}").count == 1)
        #expect(problems("ssh: {kex: [nonsense, curve25519-sha256]}").count == 1)
    }
}
