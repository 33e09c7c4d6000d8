import Foundation

extension Installation {
    /// How the OpenSSH client logs in.
    struct Login: Sendable {
        enum Proof: Sendable {
            /// The key in this file, the user's own without one.
            case key(String? = nil)
            case password(String)
        }

        var user = Installation.user
        var proof = Proof.key()
        /// For `-o`.
        var options: [String] = []

        static let key = Login()
        static let password = Login(proof: .password(Installation.password))

        static func with(_ options: String...) -> Login { Login(options: options) }
    }

    /// Runs `ssh` with the login's options, then `arguments` (options, then the host's place is
    /// filled in, then `command`).
    func ssh(
        _ command: String?,
        _ login: Login = .key,
        arguments: [String] = [],
        input: Program.Input = .nothing,
        within limit: Duration = .seconds(90)
    ) async throws -> Program.End {
        try await launchSSH(command, login, arguments: arguments, input: input).end(within: limit)
    }

    /// Starts `ssh` and does not wait for it.
    func launchSSH(
        _ command: String?,
        _ login: Login = .key,
        arguments: [String] = [],
        input: Program.Input = .nothing,
        unread: Bool = false
    ) throws -> Program {
        try launch(
            "/usr/bin/ssh",
            options(login) + ["-p", "\(config.ports.ssh)"] + arguments
                + ["\(login.user)@127.0.0.1"] + (command.map { [$0] } ?? []),
            input: input,
            environment: try environment(login),
            unread: unread
        )
    }

    /// Options that ssh, sftp and scp understand alike.
    func options(_ login: Login) -> [String] {
        var options = [
            "IdentitiesOnly=yes", "UserKnownHostsFile=\(config.path("known_hosts"))",
            "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes", "ConnectTimeout=30",
        ]
        switch login.proof {
        case .key(let file):
            options += ["IdentityFile=\(file ?? userKey)", "BatchMode=yes"]
        case .password:
            options += ["PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"]
        }
        // The first value of an option counts.
        return ["-F", "none"] + (login.options + options).flatMap { ["-o", $0] }
    }

    /// A password reaches ssh through a program that it asks.
    func environment(_ login: Login) throws -> [String: String] {
        guard case .password(let password) = login.proof else { return [:] }
        // One for each login: a program that is being run cannot be written.
        let program = config.path("askpass-\(UUID().uuidString)")
        try Data("#!/bin/sh\nprintf '%s\\n' \"$E2E_PASSWORD\"\n".utf8)
            .write(to: URL(filePath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
        return [
            "SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "E2E_PASSWORD": password,
        ]
    }
}
