package import SharedConfig
package import SharedMessages
package import SharedSSH

/// The `security` section as a function: may this be done?
///
/// Pure, and compiled once for a connection. A mode that is not set falls back to `defaultMode`,
/// that to `enable`; `filter` means only what `allow` lists, `enable` everything but what `deny`
/// lists. What the credential does not permit is refused as if it were disabled.
package struct SecurityPolicy: Sendable {
    private let config: SecurityConfig
    private let credential: CredentialLimits?
    private let environment: ModeAndLists
    private let command: ModeAndLists
    private let subsystem: ModeAndLists
    private let signal: ModeAndLists
    private let sockets: SocketRules
    private let listeners: ListenerRules
    /// Where forwarded TCP connections may go.
    package let destinations: DestinationRules

    package init(
        _ config: SecurityConfig,
        credential: CredentialLimits? = nil,
        reserved: ReservedAddresses = .ofThisMachine
    ) {
        self.config = config
        self.credential = credential
        func lists(_ mode: SecurityConfig.Mode, _ allow: [String], _ deny: [String]) -> ModeAndLists
        {
            ModeAndLists(config.effective(mode), allow: allow, deny: deny)
        }
        environment = lists(config.env.mode, config.env.allow, config.env.deny)
        command = lists(config.command.mode, config.command.allow, [])
        subsystem = lists(config.subsystem.mode, config.subsystem.allow, config.subsystem.deny)
        signal = lists(config.signal.mode, config.signal.allow, config.signal.deny)
        sockets = SocketRules(config.forwarding.sockets)
        listeners = ListenerRules(config.forwarding)
        destinations = DestinationRules(config.forwarding, reserved: reserved)
    }

    /// The code under which `request` is refused, or `nil` when it is allowed. Window changes and
    /// requests nobody knows are not the policy's affair.
    package func refusal(of request: SessionRequest) -> MessageCode? {
        switch request {
        case .environment(let name, _): allowsVariable(name) ? nil : .securityEnvRejected
        case .pty:
            allows(config.tty.mode) && credential?.permitsPTY ?? true ? nil : .securityTtyRejected
        case .shell: allows(config.shell.mode) ? nil : .securityShellRejected
        case .exec(let text): command.allows(text.bytes) ? nil : .securityExecRejected
        case .subsystem(let name):
            subsystem.allows(name.bytes) ? nil : .securitySubsystemRejected
        case .signal(let name): signal.allows(name.utf8) ? nil : .securitySignalRejected
        case .x11:
            config.forwarding.x11ForwardingMode == .enable
                && credential?.permitsX11Forwarding ?? true
                ? nil : .securityX11ForwardingRejected
        case .agentForwarding:
            config.forwarding.agentForwardingMode == .enable
                && credential?.permitsAgentForwarding ?? true
                ? nil : .securityAgentForwardingRejected
        case .windowChange, .breakSignal, .endOfWrite, .unsupported, .malformed: nil
        }
    }

    /// What runs instead of an allowed shell, command or subsystem, and what the program is told
    /// of the original; `nil` when nothing is forced. The configuration comes before the
    /// certificate, as with sshd.
    package func forced(_ request: SessionRequest) -> ForcedCommand? {
        guard let command = forcedCommand else { return nil }
        switch request {
        case .shell: return ForcedCommand(command: command, original: "")
        case .exec(let original): return ForcedCommand(command: command, original: original)
        case .subsystem(let name): return ForcedCommand(command: command, original: name)
        case .environment, .pty, .windowChange, .signal, .x11, .agentForwarding, .breakSignal,
            .endOfWrite, .unsupported, .malformed:
            return nil
        }
    }

    /// Whether a session may be opened beside `open` others.
    package func allowsSession(besides open: Int) -> Bool {
        config.maxSessions < 0 || open < config.maxSessions
    }

    private var forcedCommand: String? {
        config.forceCommand.isEmpty ? credential?.forcedCommand : config.forceCommand
    }

    /// A forced command must be able to trust what it is told of the original one.
    private func allowsVariable(_ name: String) -> Bool {
        if name == ForcedCommand.variable, forcedCommand != nil { return false }
        return environment.allows(name.utf8)
    }

    private func allows(_ mode: SecurityConfig.Mode) -> Bool {
        let mode = config.effective(mode)
        return mode == .enable || mode == .unset
    }
}

// MARK: - Forwarding

extension SecurityPolicy {
    /// The code under which a channel to `target` is refused, or `nil` when it may be tried; a
    /// host's addresses are asked about once they are known (`DialPermission`).
    package func refusal(of target: ForwardTarget) -> MessageCode? {
        guard credential?.permitsPortForwarding ?? true else { return .securityForwardingRejected }
        switch target {
        case .tcp(let host, let port, _):
            guard let port = UInt16(exactly: port) else { return .securityForwardingRejected }
            return destinations.refusalBeforeResolving(host, port)
        case .unixSocket(let path):
            let isAllowed = sockets.allows(path, config.forwarding.socketForwardingMode)
            return isAllowed ? nil : .securityForwardingRejected
        }
    }

    /// The code under which listening at `address` is refused, or `nil` when it is allowed.
    package func refusal(of address: ForwardAddress) -> MessageCode? {
        let isAllowed =
            switch address {
            case .tcp(let host, let port):
                UInt16(exactly: port).map { listeners.allows(host, $0) } ?? false
            case .unixSocket(let path): sockets.allows(path, config.forwarding.socketListenMode)
            }
        let isPermitted = credential?.permitsPortForwarding ?? true
        return isAllowed && isPermitted ? nil : .securityReverseForwardingRejected
    }

    /// Whether one more place to listen may be beside `open` others.
    package func allowsListener(besides open: Int) -> Bool {
        config.forwarding.maxListeners < 0 || open < config.forwarding.maxListeners
    }
}

/// A command that the configuration, or the credential, puts in the place of what was asked for.
package struct ForcedCommand: Sendable, Hashable {
    /// Tells the forced command of the original one (sshd_config(5), ForceCommand).
    package static let variable = "SSH_ORIGINAL_COMMAND"

    package var command: String
    /// The value of `SSH_ORIGINAL_COMMAND`; empty for a shell, which gets no variable.
    package var original: RawText

    package init(command: String, original: RawText) {
        self.command = command
        self.original = original
    }
}

/// A mode that is not unset, and its lists.
struct ModeAndLists: Sendable {
    private let mode: SecurityConfig.Mode
    private let allow: TextPatternList
    private let deny: TextPatternList

    init(_ mode: SecurityConfig.Mode, allow: [String], deny: [String]) {
        self.mode = mode
        self.allow = TextPatternList(allow)
        self.deny = TextPatternList(deny)
    }

    func allows(_ text: some Collection<UInt8>) -> Bool {
        switch mode {
        case .unset, .enable: !deny.denies(text)
        case .filter: allow.allows(text)
        case .disable: false
        }
    }
}

/// Paths of sockets. Rules are about paths as they are written, so where there are any, a path
/// that could lead somewhere else than it says is refused.
struct SocketRules: Sendable {
    private let allow: TextPatternList
    private let deny: TextPatternList

    init(_ config: SecurityPathsConfig) {
        allow = TextPatternList(config.allow)
        deny = TextPatternList(config.deny)
    }

    func allows(_ path: String, _ mode: SecurityConfig.Mode) -> Bool {
        switch mode {
        case .enable: deny.isEmpty || Self.isPlain(path) && !deny.denies(path.utf8)
        case .filter: Self.isPlain(path) && allow.allows(path.utf8) && !deny.denies(path.utf8)
        case .unset, .disable: false
        }
    }

    /// Absolute, and without `.`, `..` or empty parts.
    private static func isPlain(_ path: String) -> Bool {
        path.hasPrefix("/")
            && path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { !["", ".", ".."].contains($0) }
    }
}
