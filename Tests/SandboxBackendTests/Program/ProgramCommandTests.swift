import GatewayCore
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import SandboxBackend

@Suite("What is run for a request")
struct ProgramCommandTests {
    private var config: SandboxConfig {
        var config = SandboxConfig()
        config.shellCommand = ["/usr/bin/zsh", "--login-option"]
        config.subsystems = ["sftp": "/usr/lib/openssh/sftp-server -e"]
        return config
    }

    @Test("the shell is a login shell")
    func runsLoginShell() throws {
        let command = try ProgramCommand(.shell, config)
        #expect(command.file == "/usr/bin/zsh")
        #expect(command.arguments == ["-zsh", "--login-option"])
    }

    @Test("a command line goes to the shell as it came")
    func runsCommandLine() throws {
        let command = try ProgramCommand(.exec("a 'b  c' | d"), config)
        #expect(command.arguments == ["/usr/bin/zsh", "-c", "a 'b  c' | d"])
    }

    @Test("a subsystem without a program is refused with its code")
    func refusesSubsystem() {
        let error = #expect(throws: CodedError.self) { try ProgramCommand(.subsystem("x"), config) }
        #expect(error?.code == .sandboxSubsystemUnknown)
    }

    @Test("of several values for a name the last wins; what cannot be a name is left out")
    func mergesEnvironment() {
        let request = ProgramRequest(
            kind: .shell,
            environment: [("A", "2"), ("", "x"), ("B=C", "x"), ("D", "=")],
            pty: PTYRequest(term: "xterm", size: WindowSize(columns: 1, rows: 1))
        )
        let merged = ProgramEnvironment.merged(
            base: [("A", "1"), ("TERM", "dumb")],
            request: request
        )
        #expect(merged == ["A=2", "TERM=xterm", "D=="])
    }

    @Test("signals have the names of RFC 4254 both ways")
    func namesSignals() {
        for name in ["HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "ABRT", "SEGV", "PIPE"] {
            #expect(SignalNames.number(of: name).map(SignalNames.name) == name)
        }
        #expect(SignalNames.number(of: "SIGTERM") == nil)
        #expect(SignalNames.name(of: 44) == "44@berth")
    }
}
