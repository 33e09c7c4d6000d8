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
            allows(config.command.mode, config.command.allow, [], command.text)
                ? nil : .securityExecRejected
        case .subsystem(let name):
            allows(config.subsystem.mode, config.subsystem.allow, config.subsystem.deny, name.text)
                ? nil : .securitySubsystemRejected
        case .signal(let name):
            allows(config.signal.mode, config.signal.allow, config.signal.deny, name)
                ? nil : .securitySignalRejected
        case .x11:
            allows(config.forwarding.x11ForwardingMode) ? nil : .securityX11ForwardingRejected
        case .agentForwarding:
            allows(config.forwarding.agentForwardingMode) ? nil : .securityForwardingRejected
        case .windowChange, .breakSignal, .endOfWrite, .unsupported, .malformed: nil
        }
    }

    /// The code under which a channel to `target` is refused, or `nil` when it is allowed.
    package func refusal(of target: ForwardTarget) -> MessageCode? {
        switch target {
        case .tcp:
            allows(config.forwarding.forwardingMode) ? nil : .securityForwardingRejected
        case .unixSocket:
            allows(config.forwarding.socketForwardingMode) ? nil : .securityForwardingRejected
        }
    }

    /// The code under which listening at `address` is refused, or `nil` when it is allowed.
    package func refusal(of address: ForwardAddress) -> MessageCode? {
        let mode =
            switch address {
            case .tcp: config.forwarding.reverseForwardingMode
            case .unixSocket: config.forwarding.socketListenMode
            }
        return allows(mode) ? nil : .securityReverseForwardingRejected
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
        case .environment, .pty, .windowChange, .signal, .x11, .agentForwarding, .breakSignal,
            .endOfWrite, .unsupported, .malformed:
            return nil
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
    package var original: RawText

    package init(command: String, original: RawText) {
        self.command = command
        self.original = original
    }
}
