import Foundation
import Testing

extension EndToEnd {
    @Suite("Clients other than OpenSSH's", .timeLimit(.minutes(4)))
    struct OtherClientTests {
        private static let hybrid = "mlkem768x25519-sha256"

        // The post-quantum exchange is the only one on offer, so that the login itself proves it
        // against an implementation that is not ours.
        @Test(
            "asyncssh agrees on the post-quantum key exchange",
            .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
        )
        func asyncssh() async throws {
            let end = try await script("asyncssh_client.py", [Self.hybrid])
            #expect(end.output == "ok\n", "\(end.errors)")
        }

        @Test(
            "a newer OpenSSH agrees on the post-quantum key exchange by itself",
            .enabled(if: NewerOpenSSH.path != nil, NewerOpenSSH.reason)
        )
        func newerOpenSSH() async throws {
            let installation = try Installation.current
            let path = try #require(NewerOpenSSH.path)
            let end = try await installation.run(
                path,
                Array(installation.options(.key).dropFirst(2))
                    + ["-v", "-p", "\(installation.config.ports.ssh)"]
                    + ["\(Installation.user)@127.0.0.1", "echo out; exit 7"]
            )
            #expect(end.output == "out\n")
            #expect(end.status == 7)
            #expect(end.errors.contains("kex: algorithm: \(Self.hybrid)"))
        }

        // ssh-audit warns about every key exchange that is not post-quantum. curve25519 stays for
        // the clients that know nothing newer; it is no weakness of today.
        @Test(
            "ssh-audit has no complaint but that curve25519 alone is not post-quantum",
            .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
        )
        func audit() async throws {
            let installation = try Installation.current
            let python = try #require(Surroundings.python)
            let end = try await installation.run(
                URL(filePath: python).deletingLastPathComponent().appending(path: "ssh-audit").path,
                ["--no-colors", "--level=warn", "-p", "\(installation.config.ports.ssh)"]
                    + ["127.0.0.1"]
            )
            let complaints = end.output.split(separator: "\n")
                .filter { $0.contains("[warn]") || $0.contains("[fail]") }
                .filter { !$0.contains("does not provide protection against post-quantum attacks") }
            #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
            #expect(end.status == 0 || end.status == 2, "\(end.output) \(end.errors)")
        }

        private func script(_ name: String, _ more: [String]) async throws -> Program.End {
            let installation = try Installation.current
            return try await installation.run(
                try #require(Surroundings.python),
                [
                    Surroundings.scripts.appending(path: name).path,
                    "\(installation.config.ports.ssh)", Installation.user, installation.userKey,
                    installation.config.path("known_hosts"),
                ] + more
            )
        }
    }
}

/// The client that deploy/dev/openssh-new.sh unpacks.
private enum NewerOpenSSH {
    static let path: String? = {
        let variables = ProcessInfo.processInfo.environment
        let folder = variables["BERTH_VAR"].map { URL(filePath: $0) }
        let path = (folder ?? Surroundings.root.appending(path: "var"))
            .appending(path: "openssh-new/ssh").path
        return Surroundings.isExecutable(path) ? path : nil
    }()

    static let reason: Comment = "needs the client of deploy/dev/openssh-new.sh"
}
