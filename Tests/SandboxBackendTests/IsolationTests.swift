import BackendConformance
import Foundation
import GatewayCore
import NIOCore
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import SandboxBackend

@Suite(
    "A sandbox keeps its people apart from the host",
    .enabled(if: SandboxHost.isAble, SandboxHost.reason)
)
struct IsolationTests {
    @Test(
        "what a host keeps for itself cannot be seen",
        arguments: [
            "cat /etc/shadow", "ls /etc/ssh/ssh_host_ed25519_key", "ls -A /root | grep .",
            "ls /var/run/docker.sock", "ls /run/docker.sock", "ls /var/lib/berth", "ls /sys/kernel",
            "ls /boot", "ls /etc/systemd", "cat /proc/1/environ", "head -c 1 /proc/1/mem",
            "ls /home | grep -v '^tester$'", "ls -A /var | grep -v '^tmp$'",
        ]
    )
    func hidesSecrets(_ command: String) async throws {
        let done = try await run(command)
        #expect(done.exit != .status(0))
        #expect(done.output == "")
    }

    @Test("the state directory of the gateway is not there")
    func hidesState() async throws {
        try await SandboxFixture.with { fixture in
            let done = try await fixture.subject.withWorkspace {
                try await $0.run("ls -d '\(fixture.state)'")
            }
            #expect(done.exit != .status(0))
        }
    }

    @Test("programs run as an unprivileged account with the login's name")
    func hasAccount() async throws {
        let done = try await run("whoami; id -u; id -g; echo $HOME $USER $LOGNAME $SHELL; pwd")
        #expect(
            done.output == """
                tester
                1000
                1000
                /home/tester tester tester /bin/bash
                /home/tester

                """
        )
    }

    @Test("outside, a sandbox's processes belong to nobody else, and least of all to root")
    func usesFreshUsers() async throws {
        try await SandboxFixture.with { fixture in
            let users = try await withThrowingTaskGroup(of: Set<UInt32>.self) { group in
                for _ in 0..<2 { group.addTask { try await Self.hostUsers(fixture) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(users.allSatisfy { $0.count == 1 })
            #expect(users[0].isDisjoint(with: users[1]))
            #expect(users.allSatisfy { $0.allSatisfy(HostIdentity.range.contains) })
        }
    }

    @Test("no program has a capability, can gain one, or escapes the filter of system calls")
    func dropsPrivileges() async throws {
        let done = try await run(
            "grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status"
        )
        let values = Set(
            done.output.split(separator: "\n").map { $0.split(separator: "\t").last ?? "" }
        )
        #expect(values == ["0000000000000000", "1", "2"])
    }

    @Test(
        "system calls that lead out are refused",
        arguments: [
            "unshare -U true", "unshare -m true", "mount -t tmpfs x /tmp", "chroot / true",
            "nsenter -t 1 -m true", "dmesg", "mknod /tmp/disk b 8 0", "touch /usr/here",
            "touch /etc/here", "touch /here", "touch /dev/here", "kill -9 1 && kill -0 1 && false",
        ]
    )
    func refusesWaysOut(_ command: String) async throws {
        let seen = try await run(command).exit
        #expect(seen != .status(0))
    }

    @Test("only its own processes are visible, and its first one cannot be killed")
    func seesOnlyItself() async throws {
        let done = try await run("kill -9 1; ls /proc | grep -c '^[0-9]'; cat /proc/1/comm")
        let lines = done.output.split(separator: "\n")
        #expect((Int(lines.first ?? "") ?? 99) < 8)
        #expect(lines.last == "init")
    }

    @Test("without a network there is only the loopback, and it works")
    func hasLoopbackOnly() async throws {
        let done = try await run("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; hostname")
        #expect(done.output == "lo\nsandbox\n")
    }

    @Test("with the host's network its interfaces are there")
    func sharesNetworkWhenToldTo() async throws {
        let host = try String(contentsOfFile: "/proc/net/dev", encoding: .utf8)
        try await SandboxFixture.with({ $0.network = .host }) { fixture in
            let done = try await fixture.subject.withWorkspace {
                try await $0.run("cat /proc/net/dev")
            }
            #expect(Self.interfaces(done.output) == Self.interfaces(host))
        }
    }

    @Test("everyday work does: git, temporary files, names, terminals")
    func supportsEverydayWork() async throws {
        let done = try await run(
            """
            set -e
            git init -q repo && cd repo && echo x >file && git add file
            git -c user.name=a -c user.email=a@b commit -qm one && git log --format=%s
            mktemp >/dev/null && getent passwd tester | cut -d: -f6 && ls -a ~ | grep -c bashrc
            getent hosts localhost | wc -l
            """
        )
        #expect(done.errors == "")
        #expect(done.output == "one\n/home/tester\n1\n1\n")
    }

    @Test("a terminal is the sandbox's own")
    func hasOwnTerminal() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec("tty; ps -o tty= -p $$; echo $TERM; echo $0"),
                        pty: PTYRequest(term: "vt220", size: WindowSize(columns: 80, rows: 24))
                    )
                )
                let done = try await program.finish()
                #expect(done.output == "/dev/pts/0\r\npts/0\r\nvt220\r\n/bin/bash\r\n")
                await program.terminate()
            }
        }
    }

    @Test("a configured folder of the host is there, read-only unless told otherwise")
    func mountsFolders() async throws {
        let shared = SandboxFixture.temporaryFolder()
        try FileManager.default.createDirectory(atPath: shared, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: shared) }
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: shared)
        try Data("from outside\n".utf8).write(to: URL(fileURLWithPath: shared + "/file"))
        let mounts = [
            SandboxMountConfig(source: shared, target: "/srv/read"),
            SandboxMountConfig(source: shared, target: "/srv/write", readOnly: false),
        ]
        try await SandboxFixture.with({ $0.mounts = mounts }) { fixture in
            let done = try await fixture.subject.withWorkspace {
                try await $0.run("cat /srv/read/file; touch /srv/read/no || touch /srv/write/yes")
            }
            #expect(done.output == "from outside\n")
            #expect(done.exit == .status(0))
            #expect(FileManager.default.fileExists(atPath: shared + "/yes"))
            #expect(!FileManager.default.fileExists(atPath: shared + "/no"))
        }
    }

    @Test("what webhooks and the configuration say about the environment arrives")
    func carriesEnvironment() async throws {
        let carried = ConnectionMetadata(
            metadata: ["TEAM": MetadataValue("blue")],
            environment: ["LEVEL": MetadataValue("webhook")]
        )
        try await SandboxFixture.with(
            {
                $0.environment = ["LEVEL": "configured", "SITE": "north"]
                $0.exposeAuthMetadataAsEnv = true
            },
            carried: carried
        ) { fixture in
            let done = try await fixture.subject.withWorkspace {
                try await $0.run("echo $SITE $LEVEL $TEAM")
            }
            #expect(done.output == "north webhook blue\n")
        }
    }

    @Test("a configured subsystem is the program it names")
    func servesSubsystem() async throws {
        try await SandboxFixture.with({ $0.subsystems["echo"] = "/bin/echo two words" }) {
            fixture in
            try await fixture.subject.withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .subsystem("echo")))
                let seen = try await program.finish().output
                #expect(seen == "two words\n")
                await program.terminate()
            }
        }
    }

    @Test("streams reach servers inside, and say so when there is none")
    func dials() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let server = try await workspace.start(
                    ProgramRequest(
                        kind: .exec(
                            """
                            exec python3 -c 'import socket
                            s = socket.create_server(("127.0.0.1", 4711)); print("up", flush=True)
                            c, _ = s.accept(); data = c.makefile("rb").read()
                            c.sendall(data.upper()); c.close()'
                            """
                        )
                    )
                )
                _ = try await server.read(until: "up")
                let stream = try await dial("localhost", 4711, in: workspace)
                try await stream.write(.init(string: "hello"))
                await stream.closeWrite()
                var answer = ""
                while let bytes = try await stream.read() { answer += String(buffer: bytes) }
                #expect(answer == "HELLO")
                await stream.close()
                await server.terminate()
                await #expect(throws: (any Error).self) {
                    try await dial("127.0.0.1", 9, in: workspace).close()
                }
            }
        }
    }

    @Test(
        "no stream leaves for a metadata service or for another machine's name",
        arguments: [
            ("169.254.169.254", MessageCode.securityForwardAddressDenied),
            ("0.0.0.0", .securityForwardAddressDenied), ("example.org", .sandboxDialFailed),
        ]
    )
    func dialsNowhereElse(_ host: String, _ code: MessageCode) async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let error = await #expect(throws: CodedError.self) {
                    try await dial(host, 80, in: workspace).close()
                }
                #expect(error?.code == code)
            }
        }
    }

    // MARK: -

    private func dial(
        _ host: String,
        _ port: UInt16,
        in workspace: any Workspace
    ) async throws -> any WorkspaceStream {
        var config = SecurityForwardingConfig()
        config.forwardingMode = .enable
        let permission = DialPermission(DestinationRules(config), host: host, port: port)
        return try await workspace.dial(.tcp(host: host, port: port), permission: permission)
    }

    private func run(_ command: String) async throws -> FinishedProgram {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { try await $0.run(command) }
        }
    }

    private static func hostUsers(_ fixture: SandboxFixture) async throws -> Set<UInt32> {
        let id = ConformanceSubject.newConnectionID()
        return try await fixture.subject.withWorkspace(connectionID: id) { workspace in
            _ = try await workspace.run("true")
            let processes = Leftovers.groups(id).flatMap(Leftovers.processes)
            let users = processes.compactMap { process -> UInt32? in
                let number = process.split(separator: " ").last ?? ""
                let text = try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8)
                let line = text?.split(separator: "\n").first { $0.hasPrefix("Uid:") }
                return line?.split(separator: "\t").dropFirst().first.flatMap { UInt32($0) }
            }
            return Set(users)
        }
    }

    /// Without the ends of container links, which come and go with other tests.
    private static func interfaces(_ table: String) -> [Substring] {
        table.split(separator: "\n").dropFirst(2)
            .compactMap { $0.split(separator: ":").first?.drop { $0 == " " } }
            .filter { !$0.hasPrefix("veth") }
    }
}
