import GatewayCore
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH

/// What is executed for a request.
struct ProgramCommand: Sendable, Hashable {
    let file: String
    let arguments: [RawText]

    init(_ kind: ProgramRequest.Kind, _ config: SandboxConfig) throws(CodedError) {
        let login = config.shellCommand
        let shell = login.first ?? "/bin/sh"
        switch kind {
        case .shell:
            file = shell
            // A dash in front makes it a login shell, as sshd does it.
            let name = "-" + (shell.split(separator: "/").last ?? "sh")
            arguments = ([name] + login.dropFirst()).map { RawText($0) }
        case .exec(let command):
            file = shell
            arguments = [RawText(shell), "-c", command]
        case .subsystem(let name):
            guard let program = name.exactText.flatMap({ config.subsystems[$0] }) else {
                throw CodedError(.sandboxSubsystemUnknown, detail: name.text)
            }
            file = shell
            // Through the shell, which splits arguments and says what is missing.
            arguments = [RawText(shell), "-c", RawText("exec " + program)]
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
    ) -> [RawText] {
        let standing = base.map { (name: $0.name, value: RawText($0.value)) }
        let terminal = request.pty.map { [(name: "TERM", value: RawText($0.term))] } ?? []
        var order: [String] = []
        var values: [String: RawText] = [:]
        for (name, value) in standing + terminal + request.environment where isUsable(name) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        return order.map { RawText(Array("\($0)=".utf8) + (values[$0]?.bytes ?? [])) }
    }

    private static func isUsable(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains { $0 == 0 || $0 == 0x3D }
    }
}
