import GatewayCore
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH

/// What is executed for a request.
struct ProgramCommand: Sendable, Hashable {
    let file: String
    let arguments: [String]
    init(_ kind: ProgramRequest.Kind, _ config: SandboxConfig) throws(CodedError) {
        let login = config.shellCommand
        let shell = login.first ?? "/bin/sh"
        switch kind {
        case .shell:
            file = shell
            // A dash in front makes it a login shell, as sshd does it.
            arguments = ["-" + (shell.split(separator: "/").last ?? "sh")] + login.dropFirst()
        case .exec(let command):
            file = shell
            arguments = [shell, "-c", command]
        case .subsystem(let name):
            guard let program = config.subsystems[name] else {
                throw CodedError(.sandboxSubsystemUnknown, detail: name)
            }
            file = shell
            // Through the shell, which splits arguments and says what is missing.
            arguments = [shell, "-c", "exec " + program]
        }
    }
}

/// The environment of a program, from the least to the most particular.
enum ProgramEnvironment {
    static let path = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

    /// What every program of a workspace gets.
    static func standing(
        _ request: WorkspaceRequest,
        _ config: SandboxConfig,
        _ account: Account
    ) -> [(name: String, value: String)] {
        var list = [
            (name: "PATH", value: path), ("HOME", account.home), ("USER", account.name),
            ("LOGNAME", account.name), ("SHELL", config.shellCommand.first ?? "/bin/sh"),
            ("XDG_RUNTIME_DIR", "/run/user/\(Account.number)"),
        ]
        list += config.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if config.exposeAuthMetadataAsEnv {
            list += request.carried.metadata.sorted { $0.key < $1.key }
                .map { ($0.key, $0.value.value) }
        }
        list += request.carried.environment.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.value) }
        return list
    }

    /// Assignments; of several with one name the last wins, in the place of the first.
    static func merged(
        base: [(name: String, value: String)],
        request: ProgramRequest
    ) -> [String] {
        let terminal = request.pty.map { [(name: "TERM", value: $0.term)] } ?? []
        var order: [String] = []
        var values: [String: String] = [:]
        for (name, value) in base + terminal + request.environment where isUsable(name) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        return order.map { "\($0)=\(values[$0] ?? "")" }
    }

    private static func isUsable(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains { $0 == 0 || $0 == 0x3D }
    }
}
