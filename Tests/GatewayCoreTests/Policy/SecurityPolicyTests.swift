import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The security section")
struct SecurityPolicyTests {
    private static let pty = SessionRequest.pty(
        PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
    )
    private static let everything: [SessionRequest] = [
        .environment(name: "LANG", value: "C"), pty, .shell, .exec(command: "ls"),
        .subsystem(name: "sftp"), .signal(name: "TERM"),
    ]

    @Test("allows everything when nothing is set", arguments: everything)
    func unset(_ request: SessionRequest) {
        #expect(SecurityPolicy(SecurityConfig()).refusal(of: request) == nil)
    }

    @Test("refuses everything that has no mode of its own when the default is to disable")
    func defaultMode() {
        var config = SecurityConfig()
        config.defaultMode = .disable
        config.shell.mode = .enable
        let refused = Self.everything.filter { SecurityPolicy(config).refusal(of: $0) != nil }
        #expect(refused.count == Self.everything.count - 1)
        #expect(SecurityPolicy(config).refusal(of: .shell) == nil)
    }

    @Test("filters by the list of what is allowed and denies by the other, to the letter")
    func lists() {
        var config = SecurityConfig()
        config.env.mode = .filter
        config.env.allow = ["LANG"]
        config.subsystem.deny = ["sftp"]
        config.command.mode = .filter
        config.command.allow = ["ls -l"]
        let policy = SecurityPolicy(config)
        #expect(policy.refusal(of: .environment(name: "LANG", value: "")) == nil)
        #expect(policy.refusal(of: .environment(name: "lang", value: "")) == .securityEnvRejected)
        #expect(policy.refusal(of: .subsystem(name: "sftp")) == .securitySubsystemRejected)
        #expect(policy.refusal(of: .subsystem(name: "netconf")) == nil)
        #expect(policy.refusal(of: .exec(command: "ls -l")) == nil)
        #expect(policy.refusal(of: .exec(command: "ls -l; id")) == .securityExecRejected)
    }

    @Test("a filtered shell or terminal is refused: there is nothing to list")
    func filterWithoutList() {
        var config = SecurityConfig()
        config.shell.mode = .filter
        config.tty.mode = .filter
        #expect(SecurityPolicy(config).refusal(of: .shell) == .securityShellRejected)
        #expect(SecurityPolicy(config).refusal(of: Self.pty) == .securityTtyRejected)
    }

    @Test("signals obey their own mode")
    func signals() {
        var config = SecurityConfig()
        config.shell.mode = .disable
        #expect(SecurityPolicy(config).refusal(of: .signal(name: "INT")) == nil)
        config.signal.mode = .disable
        #expect(
            SecurityPolicy(config).refusal(of: .signal(name: "INT")) == .securitySignalRejected
        )
    }

    @Test("a forced command takes the place of shell, command and subsystem")
    func forced() {
        var config = SecurityConfig()
        config.forceCommand = "/bin/menu"
        let policy = SecurityPolicy(config)
        let exec = policy.forced(.exec(command: "ls"))
        #expect(exec == ForcedCommand(command: "/bin/menu", original: "ls"))
        #expect(policy.forced(.subsystem(name: "sftp"))?.original == "sftp")
        #expect(policy.forced(.shell)?.original.isEmpty == true)
        #expect(policy.forced(.signal(name: "TERM")) == nil)
    }

    @Test(
        "sessions are limited by how many are open",
        arguments: [(-1, 1000, true), (0, 0, false), (2, 1, true), (2, 2, false)]
    )
    func sessions(limit: Int, open: Int, isAllowed: Bool) {
        var config = SecurityConfig()
        config.maxSessions = limit
        #expect(SecurityPolicy(config).allowsSession(besides: open) == isAllowed)
    }
}
