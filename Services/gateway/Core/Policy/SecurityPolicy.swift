package import SharedConfig
package import SharedMessages
package import SharedSSH

/// The `security` section as a function: may this be done?
///
/// Pure. A mode that is not set falls back to `defaultMode`, that to `enable`; `filter` means only
/// what `allow` lists, `enable` everything but what `deny` lists.
package struct SecurityPolicy: Sendable {
    private let config: SecurityConfig

    package init(_ config: SecurityConfig) {
        self.config = config
    }

    /// The code under which `request` is refused, or `nil` when it is allowed. Window changes and
    /// requests nobody knows are not the policy's affair.
    package func refusal(of request: SessionRequest) -> MessageCode? {
        switch request {
        case .environment(let name, _):
            allows(config.env.mode, config.env.allow, config.env.deny, name)
                ? nil : .securityEnvRejected
        case .pty: allows(config.tty.mode) ? nil : .securityTtyRejected
        case .shell: allows(config.shell.mode) ? nil : .securityShellRejected
        case .exec(let command):
            allows(config.command.mode, config.command.allow, [], command)
                ? nil : .securityExecRejected
        case .subsystem(let name):
            allows(config.subsystem.mode, config.subsystem.allow, config.subsystem.deny, name)
                ? nil : .securitySubsystemRejected
        case .signal(let name):
            allows(config.signal.mode, config.signal.allow, config.signal.deny, name)
                ? nil : .securitySignalRejected
        case .windowChange, .unsupported: nil
        }
    }

    /// What runs instead of an allowed shell, command or subsystem, and what the program is told
    /// of the original; `nil` when nothing is forced.
    package func forced(_ request: SessionRequest) -> ForcedCommand? {
        guard !config.forceCommand.isEmpty else { return nil }
        switch request {
        case .shell: return ForcedCommand(command: config.forceCommand, original: "")
        case .exec(let command):
            return ForcedCommand(command: config.forceCommand, original: command)
        case .subsystem(let name):
            return ForcedCommand(command: config.forceCommand, original: name)
        case .environment, .pty, .windowChange, .signal, .unsupported: return nil
        }
    }

    /// Whether a session may be opened beside `open` others.
    package func allowsSession(besides open: Int) -> Bool {
        config.maxSessions < 0 || open < config.maxSessions
    }

    private func allows(
        _ mode: SecurityConfig.Mode,
        _ allow: [String] = [],
        _ deny: [String] = [],
        _ item: String? = nil
    ) -> Bool {
        switch config.effective(mode) {
        case .unset, .enable: item.map { !deny.contains($0) } ?? true
        case .filter: item.map { allow.contains($0) } ?? false
        case .disable: false
        }
    }
}

/// A command that the configuration puts in the place of what was asked for.
package struct ForcedCommand: Sendable, Hashable {
    package var command: String
    /// Goes into `SSH_ORIGINAL_COMMAND` (sshd_config(5), ForceCommand); empty for a shell, which
    /// gets no variable.
    package var original: String

    package init(command: String, original: String) {
        self.command = command
        self.original = original
    }
}
