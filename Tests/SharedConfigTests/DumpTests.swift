import SharedConfig
import Testing

@Suite("Dump")
struct DumpTests {
    private static let file = """
        ssh: {banner: "two\\nlines: yes\\n", hostkeys: ["-----BEGIN PRIVATE KEY-----\\nhunter2\\n", /k]}
        auth:
          keyboardInteractive: {oauth2: {clientSecret: hunter2}}
        log: {level: debug}
        docker:
          execution:
            container: {Image: "x:1", Labels: {A.b: "yes", "1": "2"}}
            host: {Binds: ["/a:/b"], Resources: {Memory: 5}}
        sandbox:
          environment: {A: "007", B: "", C: "true", D: "- x", E: " y "}
          mounts: [{source: /a, target: /b, readOnly: false}]
          cpus: 1.5
        """

    @Test("a dump with secrets loads again as the same configuration")
    func roundTrip() throws {
        let config = try load(Self.file).config
        let dump = try config.dump(showSecrets: true)
        #expect(try load(dump).config == config)
    }

    @Test("a dump of the defaults loads again as the defaults")
    func defaults() throws {
        let dump = try BerthConfig().dump(showSecrets: false)
        #expect(try load(dump).config == BerthConfig())
    }

    @Test("a dump shows secrets only when asked")
    func masked() throws {
        let config = try load(Self.file).config
        let masked = try config.dump(showSecrets: false)
        #expect(!masked.contains("hunter2"))
        #expect(masked.contains("clientSecret: \"***\""))
        #expect(try config.dump(showSecrets: true).contains("hunter2"))
    }

    @Test("durations and levels are dumped as words, in the order of the sections")
    func style() throws {
        let dump = try load(Self.file).config.dump(showSecrets: false)
        #expect(dump.hasPrefix("ssh:\n    listen: \"0.0.0.0:2222\"\n"))
        #expect(dump.contains("    level: debug\n"))
        #expect(dump.contains("    loginGraceTime: \"2m0s\"\n"))
    }
}
