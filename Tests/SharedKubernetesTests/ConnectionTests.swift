import Foundation
import SharedConfig
import Testing

@testable import SharedKubernetes

@Suite("How a cluster is reached")
struct ConnectionTests {
    @Test(
        "addresses are read, without a scheme as HTTPS",
        arguments: [
            ("kubernetes.default.svc", "kubernetes.default.svc", 443, true, ""),
            ("https://192.0.2.1:6443", "192.0.2.1", 6443, true, ""),
            ("http://localhost", "localhost", 80, false, ""),
            ("https://[2001:db8::1]:6443/clusters/a/", "2001:db8::1", 6443, true, "/clusters/a"),
        ]
    )
    func addresses(_ text: String, _ host: String, _ port: Int, _ tls: Bool, _ prefix: String) {
        let address = ClusterAddress(text)
        #expect(address?.host == host)
        #expect(address?.port == port)
        #expect(address?.isEncrypted == tls)
        #expect(address?.prefix == prefix)
    }

    @Test(
        "what is no address is none",
        arguments: ["", "https://", "host:0", "host:99999", "a@b", "https://a?b", "ho st"]
    )
    func noAddresses(_ text: String) { #expect(ClusterAddress(text) == nil) }

    @Test("calls are spaced out beyond the burst")
    func rate() {
        let limiter = RequestLimiter(rate: 10, burst: 3)
        let now = ContinuousClock.now
        let pauses = (0..<5).map { _ in limiter.reserve(at: now) }
        #expect(pauses[..<3] == [.zero, .zero, .zero])
        #expect(abs(pauses[3].seconds - 0.1) < 0.001)
        #expect(abs(pauses[4].seconds - 0.2) < 0.001)
        #expect(limiter.reserve(at: now + .seconds(10)) == .zero)
    }

    private let kubeconfig = """
        apiVersion: v1
        kind: Config
        current-context: one
        contexts:
        - {name: one, context: {cluster: a, user: token}}
        - {name: two, context: {cluster: b, user: certificate}}
        - {name: three, context: {cluster: a, user: command}}
        - {name: four, context: {cluster: a, user: nobody}}
        clusters:
        - name: a
          cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: Q0E=}
        - name: b
          cluster: {server: "https://b.example", insecure-skip-tls-verify: true, tls-server-name: c}
        users:
        - {name: token, user: {token: secret}}
        - {name: certificate, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
        - name: command
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./login
              args: [--cluster, a]
              env: [{name: ROLE, value: dev}]
        """

    private func read(_ context: String) throws -> ClusterOptions {
        try Kubeconfig.read(Array(kubeconfig.utf8), context: context, folder: "/etc/berth")
    }

    @Test("a kubeconfig's current context is used, or the one that is named")
    func contexts() throws {
        let one = try read("")
        #expect(one.address == ClusterAddress("https://192.0.2.1:6443"))
        #expect(one.trustedRoots == "CA")
        #expect(one.credentials == .token(Secret("secret")))
        let two = try read("two")
        #expect(two.isInsecure)
        #expect(two.serverName == "c")
        #expect(two.certificate == ClusterCertificate(chain: "CERT", key: Secret("KEY")))
        let command = CredentialCommand(
            version: "client.authentication.k8s.io/v1",
            command: "/etc/berth/./login",
            arguments: ["--cluster", "a"],
            environment: ["ROLE": "dev"]
        )
        #expect(try read("three").credentials == .command(command))
    }

    @Test("what is missing in a kubeconfig is said", arguments: ["four", "five"])
    func missing(_ context: String) {
        #expect(throws: ClusterUnreachable.self) { try read(context) }
    }

    @Test("a credential command's token and its expiry are taken")
    func command() throws {
        let json = #"{"kind":"ExecCredential","apiVersion":"v","status":{"token":"t"}}"#
        let command = CredentialCommand(version: "v", command: "/bin/echo", arguments: [json])
        #expect(try CredentialAnswer.ask(command).token == "t")
        let dated =
            #"{"kind":"ExecCredential","apiVersion":"v","#
            + #""status":{"token":"t","expirationTimestamp":"2030-01-02T03:04:05Z"}}"#
        let answer = try CredentialAnswer(json: Array(dated.utf8), version: "v")
        #expect(answer.expires == Date(timeIntervalSince1970: 1_893_553_445))
    }

    @Test(
        "a credential command that fails, or says nothing of use, is an error",
        arguments: [
            ("/bin/false", []), ("/bin/echo", ["{}"]), ("/no/such/program", []),
            (
                "/bin/echo",
                [#"{"kind":"ExecCredential","apiVersion":"other","status":{"token":"t"}}"#]
            ),
        ] as [(String, [String])]
    )
    func badCommand(_ program: String, _ arguments: [String]) {
        let command = CredentialCommand(version: "v", command: program, arguments: arguments)
        #expect(throws: ClusterUnreachable.self) { try CredentialAnswer.ask(command) }
    }

    @Test("a token's file is read again once the server refuses the token")
    func rotation() async throws {
        let file = "/tmp/berth-token-\(UInt64.random(in: .min ... .max))"
        try Data("first\n".utf8).write(to: URL(filePath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let source = CredentialSource(.tokenFile(file), certificate: nil)
        let first = try await source.identity()
        #expect(first.authorization == "Bearer first")
        #expect(try await !source.refused(first))
        try Data("second".utf8).write(to: URL(filePath: file))
        #expect(try await source.refused(first))
        #expect(try await source.identity().authorization == "Bearer second")
    }

    @Test("without credentials it is the pod's own service account")
    func serviceAccount() throws {
        let folder = "/tmp/berth-account-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let config = KubernetesConnectionConfig()
        #expect(throws: ClusterUnreachable.self) {
            try ClusterOptions(config, timeout: .seconds(1), serviceAccount: folder)
        }
        try Data("t".utf8).write(to: URL(filePath: folder + "/token"))
        try Data("CA".utf8).write(to: URL(filePath: folder + "/ca.crt"))
        let options = try ClusterOptions(config, timeout: .seconds(1), serviceAccount: folder)
        #expect(options.credentials == .tokenFile(folder + "/token"))
        #expect(options.trustedRoots == "CA")
        #expect(options.address == ClusterAddress("kubernetes.default.svc:443"))
    }
}
