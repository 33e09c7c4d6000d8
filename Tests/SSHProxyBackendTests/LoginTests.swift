import BackendConformance
import Foundation
import Glibc
import SSHTarget
import SharedConfig
import SharedMessages
import Testing

@testable import SSHProxyBackend

@Suite(
    "Logging in at the target",
    .enabled(if: SSHTarget.isThere, ProxyFixture.reason),
    .timeLimit(.minutes(5))
)
struct LoginTests {
    private func whoami(_ proxy: ProxyFixture, username: String = "tester") async throws -> String {
        try await proxy.withWorkspace(username: username) { try await $0.run("id -un").output }
    }

    @Test("a password is enough where the target takes one")
    func password() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) {
                $0.privateKey = PEMSource()
                $0.password = Secret(SSHTarget.password)
            }
            #expect(try await whoami(proxy) == "tester\n")
        }
    }

    @Test("a key and then a password, where the target wants both")
    func both() async throws {
        try await SSHTarget.with(["AuthenticationMethods publickey,password"]) { target in
            let proxy = try ProxyFixture(target) { $0.password = Secret(SSHTarget.password) }
            #expect(try await whoami(proxy) == "tester\n")
        }
    }

    @Test("the client's user name is passed through")
    func passThrough() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) {
                $0.usernamePassThrough = true
                $0.username = "nobody-else"
            }
            #expect(try await whoami(proxy, username: SSHTarget.otherUsername) == "dev\n")
        }
    }

    @Test("a key with a passphrase, and the wrong passphrase")
    func passphrase() async throws {
        try await SSHTarget.with { target in
            let file = target.folder.path + "/locked_key"
            try Child.run(["/bin/cp", target.folder.path + "/user_key", file])
            try Child.run([
                "/usr/bin/ssh-keygen", "-q", "-p", "-P", "", "-N", "secret words", "-f", file,
            ])
            let proxy = try ProxyFixture(target) {
                $0.privateKey = PEMSource(file)
                $0.passphrase = Secret("secret words")
            }
            #expect(try await whoami(proxy) == "tester\n")
            #expect(throws: CodedError.self) {
                try ProxyFixture(target) {
                    $0.privateKey = PEMSource(file)
                    $0.passphrase = Secret("other words")
                }
            }
        }
    }

    @Test("an agent on the gateway's machine holds the key")
    func agent() async throws {
        try await SSHTarget.with { target in
            let socket = target.folder.path + "/agent"
            let said = try Child.run(["/usr/bin/ssh-agent", "-a", socket])
            let id = said.split(separator: "SSH_AGENT_PID=").last?.prefix { $0.isNumber }
            defer { if let id = id.flatMap({ Int32($0) }) { kill(id, SIGTERM) } }
            try Child.run([
                "/usr/bin/env", "SSH_AUTH_SOCK=" + socket, "/usr/bin/ssh-add", "-q",
                target.folder.path + "/user_key",
            ])
            let proxy = try ProxyFixture(target) {
                $0.privateKey = PEMSource()
                $0.agentSocket = socket
            }
            #expect(try await whoami(proxy) == "tester\n")
        }
    }

    @Test("the target sees the configured client version")
    func clientVersion() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) {
                $0.clientVersion = "SSH-2.0-AnotherNameThatIsLongerThanTheLibrarys with a comment"
            }
            #expect(try await whoami(proxy) == "tester\n")
            #expect(
                target.log.contains("AnotherNameThatIsLongerThanTheLibrarys with a comment")
            )
        }
    }

    @Test(
        "each algorithm that is configured alone connects",
        arguments: SSHAlgorithms.ciphers.map { ("ciphers", $0) }
            + SSHAlgorithms.macs.map { ("macs", $0) }
            + SSHAlgorithms.kex.filter { $0 != "mlkem768x25519-sha256" }.map { ("kex", $0) }
            + [("hostKeyAlgos", "rsa-sha2-512"), ("hostKeyAlgos", "ssh-ed25519")]
    )
    func algorithm(kind: String, name: String) async throws {
        try await SSHTarget.with { target in
            let rsa = try Child.run([
                "/usr/bin/ssh-keygen", "-l", "-f", target.folder.path + "/host_key_rsa.pub",
            ])
            let proxy = try ProxyFixture(target) {
                $0.allowedHostKeyFingerprints.append(String(rsa.split(separator: " ")[1]))
                switch kind {
                case "ciphers": $0.ciphers = [name]
                case "macs":
                    $0.macs = [name]
                    $0.ciphers = ["aes128-ctr"]
                case "kex": $0.kex = [name]
                default: $0.hostKeyAlgorithms = [name]
                }
            }
            #expect(try await whoami(proxy) == "tester\n")
        }
    }
}
