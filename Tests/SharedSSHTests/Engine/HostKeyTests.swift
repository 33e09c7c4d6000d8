import Foundation
import SSHTestServer
import Testing

@testable import SharedSSH

/// What OpenSSH's client learns and believes of host keys.
@Suite("Host keys with OpenSSH's client", .enabled(if: hasTool("ssh"), "needs ssh"))
struct HostKeyTests {
    /// Runs `true` with the client, whose `known_hosts` is in the folder.
    private func connect(
        _ client: OpenSSHClient,
        _ options: String
    ) async throws -> (status: Int32, output: String) {
        let script = """
            ssh -F none -o BatchMode=yes -o LogLevel=ERROR -o ConnectTimeout=20 \
            -o UserKnownHostsFile=$DIR/known_hosts -o GlobalKnownHostsFile=none \
            -i $DIR/key -p \(client.server.port) \(options) ann@127.0.0.1 cat </dev/null
            """
        return try await shell(script, ["DIR": client.folder])
    }

    private func settings(_ keys: [SSHPrivateKey], _ certificates: [OpenSSHCertificate] = [])
        -> SSHServerSettings
    {
        SSHServerSettings(
            transport: TransportSettings(hostKeys: keys, hostCertificates: certificates)
        )
    }

    @Test("a client learns the other keys of the host, and then trusts them alone")
    func rotation() async throws {
        let made = try HostCertificates(try temporaryFolder())
        defer { try? FileManager.default.removeItem(atPath: made.folder) }  // Only litter.
        try made.makeKey("old")
        try made.makeKey("rsa", "rsa", "-b", "2048")
        try made.makeKey("new")
        let old = try made.key("old")
        let new = try made.key("new")
        // The new Ed25519 key stands before the old one: told, not shown.
        let keys = [try made.key("rsa"), new, old]
        try await TestServer.run(settings(keys)) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            let known = "\(client.folder)/known_hosts"
            let host = "[127.0.0.1]:\(server.port)"
            try "\(host) \(old.publicKey.authorizedKeysLine)\n"
                .write(toFile: known, atomically: true, encoding: .utf8)
            let ended = try await connect(
                client,
                "-o StrictHostKeyChecking=yes -o UpdateHostKeys=yes "
                    + "-o HostKeyAlgorithms=ssh-ed25519,rsa-sha2-512"
            )
            #expect(ended.status == 0, "\(ended.output)")
            let learned = try String(contentsOfFile: known, encoding: .utf8)
            for key in keys {
                #expect(learned.contains(key.publicKey.authorizedKeysLine), "\(learned)")
            }
            #expect(server.journal.entries.filter(\.isHostKeyRequest).isEmpty)
            // The second server has only the new key, and forgets the others at the client.
            try await trusts(client, known, host, new, forgotten: old)
        }
    }

    private func trusts(
        _ first: OpenSSHClient,
        _ known: String,
        _ host: String,
        _ key: SSHPrivateKey,
        forgotten: SSHPrivateKey
    ) async throws {
        try await TestServer.run(settings([key])) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            let lines = try String(contentsOfFile: known, encoding: .utf8)
                .replacing(host, with: "[127.0.0.1]:\(server.port)")
            let file = "\(client.folder)/known_hosts"
            try lines.write(toFile: file, atomically: true, encoding: .utf8)
            let ended = try await connect(
                client,
                "-o StrictHostKeyChecking=yes -o UpdateHostKeys=yes"
            )
            #expect(ended.status == 0, "\(ended.output)")
            let left = try String(contentsOfFile: file, encoding: .utf8)
            #expect(left.contains(key.publicKey.authorizedKeysLine))
            #expect(!left.contains(forgotten.publicKey.authorizedKeysLine), "\(left)")
        }
    }

    @Test(
        "a client that trusts the authority alone trusts the certificate",
        arguments: [
            ("ed25519", "ssh-ed25519-cert-v01@openssh.com"),
            ("ecdsa", "ecdsa-sha2-nistp256-cert-v01@openssh.com"),
            ("rsa", "rsa-sha2-512-cert-v01@openssh.com"),
            ("rsa", "rsa-sha2-256-cert-v01@openssh.com"),
        ]
    )
    func certificate(_ type: String, _ algorithm: String) async throws {
        let made = try HostCertificates(try temporaryFolder())
        defer { try? FileManager.default.removeItem(atPath: made.folder) }  // Only litter.
        try made.makeKey("host", type)
        try made.certify("host", "-h", "-n", "127.0.0.1")
        let settings = settings([try made.key("host")], [try made.certificate("host")])
        try await TestServer.run(settings) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            let authority = try made.text("\(made.folder)/ca.pub")
            try "@cert-authority [127.0.0.1]:\(server.port) \(authority)"
                .write(toFile: "\(client.folder)/known_hosts", atomically: true, encoding: .utf8)
            let ended = try await connect(
                client,
                "-o StrictHostKeyChecking=yes -o HostKeyAlgorithms=\(algorithm)"
            )
            #expect(ended.status == 0, "\(ended.output)")
            try await server.journal.wait { entries in
                entries.contains { entry in
                    if case .handshake(let facts) = entry {
                        facts.hostKeyAlgorithm == algorithm
                    } else {
                        false
                    }
                }
            }
        }
    }

    @Test("a certificate for another name, or of another authority, is not believed")
    func wrongCertificate() async throws {
        let made = try HostCertificates(try temporaryFolder())
        defer { try? FileManager.default.removeItem(atPath: made.folder) }  // Only litter.
        try made.makeKey("host")
        try made.certify("host", "-h", "-n", "elsewhere.example")
        let settings = settings([try made.key("host")], [try made.certificate("host")])
        try await TestServer.run(settings) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            let authority = try made.text("\(made.folder)/ca.pub")
            try "@cert-authority [127.0.0.1]:\(server.port) \(authority)"
                .write(toFile: "\(client.folder)/known_hosts", atomically: true, encoding: .utf8)
            let ended = try await connect(client, "-o StrictHostKeyChecking=yes")
            #expect(ended.status == 255)
            // The key itself is not known either, so the plain key does not help.
            #expect(ended.output.contains("Host key verification failed"), "\(ended.output)")
        }
    }

    @Test("several keys of all types are offered, each to the client that wants it")
    func allTypes() async throws {
        let made = try HostCertificates(try temporaryFolder())
        defer { try? FileManager.default.removeItem(atPath: made.folder) }  // Only litter.
        try made.makeKey("a")
        try made.makeKey("b", "ecdsa", "-b", "256", "-m", "PKCS8")
        try made.makeKey("c", "ecdsa", "-b", "384", "-m", "PEM")
        try made.makeKey("d", "ecdsa", "-b", "521")
        try made.makeKey("e", "rsa", "-b", "3072", "-m", "PEM")
        let keys = try ["a", "b", "c", "d", "e"].map { try made.key($0) }
        try await TestServer.run(settings(keys)) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            for algorithm in HostKeyAlgorithm.defaults where !algorithm.isCertificate {
                let ended = try await client.run(
                    "$SSH true; echo $?",
                    options: "-o HostKeyAlgorithms=\(algorithm.rawValue)"
                )
                #expect(ended.output == "127\n", "\(algorithm.rawValue):")
            }
            // SHA-1 is offered to nobody who is not meant to have it.
            let ended = try await client.run(
                "$SSH true; echo $?",
                options: "-o HostKeyAlgorithms=ssh-rsa"
            )
            #expect(ended.output.contains("255\n"), "\(ended.output)")
        }
    }
}

extension Journal.Entry {
    fileprivate var isHostKeyRequest: Bool {
        if case .globalRequest(let request) = self {
            request.type.hasPrefix("hostkeys")
        } else {
            false
        }
    }
}
