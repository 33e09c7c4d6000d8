import Foundation
import Testing

@testable import SharedSSH

/// Real clients up to the point where authentication begins.
@Suite("Other clients")
struct OtherClientsTests {
    private static let everything = TransportAlgorithms(
        keyExchanges: KeyExchangeMethod.allCases,
        hostKeys: HostKeyAlgorithm.all,
        ciphers: CipherAlgorithm.allCases,
        macs: MACAlgorithm.allCases
    )

    /// What OpenSSH is told to use, and nothing else.
    struct Choice: CustomTestStringConvertible {
        var option: String
        var value: String
        var testDescription: String { "\(option)=\(value)" }
    }

    static let choices: [Choice] =
        KeyExchangeMethod.allCases.filter { $0 != .mlkem768x25519 }
        .map { Choice(option: "KexAlgorithms", value: $0.rawValue) }
        + CipherAlgorithm.allCases.map { Choice(option: "Ciphers", value: $0.rawValue) }
        + MACAlgorithm.allCases.map { Choice(option: "MACs", value: $0.rawValue) }
        + (SSHSignatureAlgorithm.ofHostKeys.map(\.rawValue) + ["ssh-rsa"])
        .map { Choice(option: "HostKeyAlgorithms", value: $0) }

    @Test(
        "OpenSSH exchanges keys with every algorithm and asks to log in",
        .enabled(if: hasTool("ssh"), "needs ssh"),
        arguments: choices
    )
    func openSSH(_ choice: Choice) async throws {
        var settings = TransportSettings(algorithms: Self.everything)
        settings.hostKeys = try Self.hostKeys()
        try await KeyExchangeServer.run(settings) { server in
            var arguments = [
                "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20", "-v",
                "-o", "\(choice.option)=\(choice.value)", "-p", "\(server.port)",
            ]
            if choice.option == "MACs" { arguments += ["-o", "Ciphers=aes128-ctr"] }
            let ended = try runTool(arguments + ["someone@127.0.0.1", "true"])
            #expect(ended.output.contains("Permission denied (publickey)"), "\(ended.output)")
            #expect(ended.output.contains("kex_input_ext_info: server-sig-algs="))
            #expect(server.events.errors.isEmpty)
            #expect(server.events.users.first == "someone")
            let facts = try #require(server.events.facts.first)
            switch choice.option {
            case "KexAlgorithms": #expect(facts.keyExchange == choice.value)
            case "Ciphers": #expect(facts.inboundCipher == choice.value)
            case "MACs": #expect(facts.outboundMAC == choice.value)
            default: #expect(facts.hostKeyAlgorithm == choice.value)
            }
        }
    }

    @Test(
        "asyncssh exchanges keys with the post-quantum method",
        .enabled(if: hasAsyncSSH(), "needs asyncssh with mlkem768x25519-sha256")
    )
    func asyncSSH() async throws {
        let settings = TransportSettings(hostKeys: [.fixed])
        try await KeyExchangeServer.run(settings) { server in
            let script = """
                import asyncio, asyncssh
                async def main():
                    try:
                        await asyncssh.connect('127.0.0.1', \(server.port), known_hosts=None,
                            username='someone', kex_algs=['mlkem768x25519-sha256'], config=None,
                            client_keys=None, password='x')
                    except asyncssh.PermissionDenied:
                        print('refused')
                asyncio.run(main())
                """
            let ended = try runTool(["python3", "-c", script])
            #expect(ended.output == "refused\n")
            #expect(server.events.facts.first?.keyExchange == "mlkem768x25519-sha256")
            #expect(server.events.users.first == "someone")
        }
    }

    @Test(
        "ssh-audit finds nothing to fail in the defaults, and warns of X25519 alone at most",
        .enabled(if: hasTool("ssh-audit"), "needs ssh-audit")
    )
    func sshAudit() async throws {
        let settings = TransportSettings(hostKeys: [.fixed])
        try await KeyExchangeServer.run(settings) { server in
            let report = try runTool([
                "ssh-audit", "--skip-rate-test", "-n", "-p", "\(server.port)", "127.0.0.1",
            ])
            #expect(report.output.contains("mlkem768x25519-sha256"), "\(report.output)")
            #expect(!report.output.contains("[fail]"), "\(report.output)")
            // Clients older than OpenSSH 9.9 need these two, which newer ones never choose.
            let warnings = report.output.split(separator: "\n")
                .filter { $0.contains("[warn]") && !$0.hasPrefix("(kex) curve25519-sha256") }
            #expect(warnings.isEmpty, "\(report.output)")
        }
    }

    private static func hostKeys() throws -> [SSHPrivateKey] {
        try withTemporaryFolder { folder in
            var keys = [SSHPrivateKey.fixed]
            for (type, bits) in [("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 3072)] {
                let path = "\(folder)/\(type)\(bits)"
                try runTool([
                    "ssh-keygen", "-q", "-N", "", "-t", type, "-b", "\(bits)", "-f", path,
                ])
                keys.append(try SSHPrivateKey(pem: String(contentsOfFile: path, encoding: .utf8)))
            }
            return keys
        }
    }
}

private func hasAsyncSSH() -> Bool {
    let script =
        "from asyncssh.kex import get_kex_algs as a; print(b'mlkem768x25519-sha256' in a())"
    return (try? runTool(["python3", "-c", script]).output) == "True\n"
}
