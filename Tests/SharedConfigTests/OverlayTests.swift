import SharedConfig
import SharedMessages
import Testing

@Suite("Environment and overrides")
struct OverlayTests {
    @Test("overrides win over the environment, which wins over the file")
    func precedence() throws {
        let environment = ["BERTH_SSH__LISTEN": "b:2", "BERTH_SSH__BANNER": "env"]
        let loaded = try load(
            "ssh: {listen: 'a:1', banner: file, maxAuthTries: 3}",
            environment: environment,
            overrides: ["ssh.listen=c:3"]
        )
        #expect(loaded.config.ssh.listen == "c:3")
        #expect(loaded.config.ssh.banner == "env")
        #expect(loaded.config.ssh.maxAuthTries == 3)
    }

    @Test("variables match keys whatever their case, and values have the key's type")
    func matching() throws {
        let config = try load(
            "",
            environment: [
                "BERTH_SSH__CLIENTALIVEINTERVAL": "15s",
                "BERTH_AUTH__PUBLICKEY__METHOD": "webhook",
                "BERTH_AUTH__PUBLICKEY__WEBHOOK__URL": "http://auth:1",
                "BERTH_SSH__MACS": "[hmac-sha2-256]",
                "BERTH_GEOIP__MAXMIND_GEOIP2_FILE": "/g.mmdb",
                "BERTH_SANDBOX__ENVIRONMENT__Path": "/bin:[",
                "BERTH_DOCKER__EXECUTION__SUBSYSTEMS": "{sftp: /x}",
                "BERTH_DOCKER__EXECUTION__DISABLEAGENT": "true",
                "OTHER": "x",
            ]
        ).config
        #expect(config.ssh.clientAliveInterval == .seconds(15))
        #expect(config.auth.publicKey.webhook.client.url == "http://auth:1")
        #expect(config.ssh.macs == ["hmac-sha2-256"])
        #expect(config.geoip.database == "/g.mmdb")
        #expect(config.sandbox.environment == ["Path": "/bin:["])
        #expect(config.docker.execution.subsystems == ["sftp": "/x"])
        #expect(config.docker.execution.disableAgent)
    }

    @Test("a variable for a member of a map finds the file's spelling")
    func freeKeys() throws {
        let config = try load(
            "docker: {execution: {subsystems: {sftp: /a, Other: /b}}}",
            environment: ["BERTH_DOCKER__EXECUTION__SUBSYSTEMS__OTHER": "/c"]
        ).config
        #expect(config.docker.execution.subsystems == ["sftp": "/a", "Other": "/c"])
    }

    @Test("a variable that ends in _FILE takes its value from a file, without its last line break")
    func files() throws {
        let config = try load(
            "",
            environment: [
                "BERTH_AUDIT__S3__SECRETKEY_FILE": "/run/secret",
                "BERTH_LOG__FILE": "/var/log/x",
            ],
            files: ["/run/secret": "[hunter2: \n"]
        ).config
        #expect(config.audit.s3.secretKey.reveal() == "[hunter2: ")
        #expect(config.log.file == "/var/log/x")
        #expect(problems("", environment: ["BERTH_SSH__BANNER_FILE": "/nonexistent/x"]).count == 1)
    }

    @Test("an unknown variable below a section is a problem, another only a warning")
    func unknown() throws {
        #expect(problems("", environment: ["BERTH_SSH__LISTN": "x"]).count == 1)
        #expect(problems("", environment: ["BERTH_SSH__LISTEN__X": "x"]).count == 1)
        let loaded = try load(
            "",
            environment: ["BERTH_SERVICE_HOST": "10.0.0.1", "BERTH_PORT": "tcp://x"]
        )
        #expect(loaded.config == BerthConfig())
        #expect(loaded.warnings.map(\.code) == [.configVariableUnknown, .configVariableUnknown])
    }

    @Test(
        "overrides that are malformed or unknown are problems",
        arguments: ["ssh.listen", "ssh.lissten=x", "=x", "ssh..listen=x", "ssh.macs=[", "ssh=1"]
    )
    func malformedOverrides(text: String) {
        #expect(problems("", overrides: [text]).count == 1)
    }

    @Test("a wrong value names the variable it came from")
    func origin() {
        let found = problems("", environment: ["BERTH_SSH__MAXAUTHTRIES": "0"])
        #expect(found == ["ssh.maxAuthTries: is 0, must be 1...1000 (BERTH_SSH__MAXAUTHTRIES)"])
    }
}
