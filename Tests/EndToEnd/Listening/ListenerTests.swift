import Foundation
import Glibc
import SharedMessages
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "Listeners",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct ListenerTests {
    @Test("IPv4, IPv6 and Unix sockets take logins side by side")
    func several() async throws {
        let (other, socket) = (Surroundings.freePort(), "/tmp/berth-\(UUID().uuidString).sock")
        let port = Surroundings.freePort()
        let list = "127.0.0.1:\(port),[::1]:\(other),unix://\(socket)"
        try await Installation.with(["ssh.listen=\(list)"]) { installation in
            #expect(installation.count(.gatewayListening) == 3)
            let four = Installation.Login.with("Port=\(port)", "HostKeyAlias=any") + .anyHost
            #expect(try await installation.ssh("echo four", four).output == "four\n")
            let six = Installation.Login.with("HostName=::1", "Port=\(other)") + .anyHost
            #expect(try await installation.ssh("echo six", six).output == "six\n")
            let relay = "ProxyCommand=\(Self.python) -c \(Self.quoted(Self.relay)) \(socket)"
            let unix = Installation.Login.with(relay) + .anyHost
            #expect(try await installation.ssh("echo unix", unix).output == "unix\n")
            #expect(installation.log(.gateway).contains("\"remoteAddr\":\"unix\""))
            try await installation.stop(.gateway)
            #expect(!FileManager.default.fileExists(atPath: socket))
        }
    }

    @Test("[::] takes IPv4 too, under its IPv4 address, unless IPv4 has a listener of its own")
    func dualStack() async throws {
        let port = Surroundings.freePort()
        let login = Installation.Login.with("Port=\(port)") + .anyHost
        try await Installation.with(["ssh.listen=[::]:\(port)"]) { installation in
            let both = try await installation.ssh("echo both", login)
            #expect(both.output == "both\n")
            #expect(installation.log(.gateway).contains("\"remoteAddr\":\"127.0.0.1\""))
        }
        let list = "0.0.0.0:\(port),[::]:\(port)"
        try await Installation.with(["ssh.listen=\(list)"]) { installation in
            #expect(installation.count(.gatewayListening) == 2)
            let four = try await installation.ssh("echo four", login)
            #expect(four.output == "four\n")
            let six = try await installation.ssh("echo six", .with("HostName=::1") + login)
            #expect(six.output == "six\n")
        }
    }

    @Test("one listener that cannot be opened is named, and none stays open")
    func allOrNothing() async throws {
        try await Installation.with { installation in
            let free = Surroundings.freePort()
            let taken = "127.0.0.1:\(installation.config.ports.ssh)"
            let end = try await installation.daemon(
                .gateway,
                ["ssh.listen=127.0.0.1:\(free),\(taken)", "health.enable=false"]
            )
            #expect(end.status == 1)
            #expect(end.output.contains("\"\(MessageCode.sshStartFailed.id)\""))
            #expect(end.output.contains(taken))
            #expect(!end.output.contains("\"\(MessageCode.gatewayListening.id)\""))
        }
    }

    @Test("with reusePort every event loop listens on its own socket")
    func reusePort() async throws {
        try await Installation.with(["ssh.reusePort=true"]) { installation in
            #expect(installation.count(.gatewayListening) == ProcessInfo.processInfo.processorCount)
            for _ in 0..<6 {
                let end = try await installation.ssh("true")
                #expect(end.status == 0)
            }
        }
    }

    @Test("a gateway without descriptors pauses, says so, and goes on when it has some again")
    func descriptors() async throws {
        let others = DaemonName.allCases.filter { $0 != .gateway }
        try await Installation.with(daemons: others) { installation in
            let gateway = try installation.launchGateway(
                script: "exec prlimit --nofile=128:128 \"$@\""
            )
            defer { gateway.send(SIGKILL) }
            try await installation.awaitGateway(gateway)
            let hoard = try installation.launch(
                Self.python,
                ["-c", Self.hoard, "\(installation.config.ports.ssh)"],
                input: .held
            )
            let paused = "\"\(MessageCode.gatewayAcceptPaused.id)\""
            try await wait(for: "the pause is logged") { gateway.output.contains(paused) }
            hoard.send(SIGKILL)
            _ = try await hoard.end()
            let end = try await installation.ssh("echo again", Installation.anyHost)
            #expect(end.output == "again\n", "\(end.errors)")
            gateway.send(SIGTERM)
            #expect(try await gateway.end().status == 0)
        }
    }

    // MARK: - PROXY headers

    @Test("the client a trusted proxy names is the one in log, webhooks and recordings")
    func proxied() async throws {
        let settings = ["ssh.proxyProtocol.trustedNetworks=[127.0.0.0/8]"]
        try await Installation.with(settings) { installation in
            let rules = installation.config.rulesText
                .replacing("${username}", with: "${remoteAddress}")
            try Data(rules.utf8).write(to: URL(filePath: installation.config.rules))
            try installation.process(.configd).send(SIGHUP)
            try await installation.awaitLog(.configd, .coreConfigReloaded)
            let show = "echo from $BERTH_USER"
            func from(_ header: String) async throws -> String {
                try await installation.sshBehindProxy(header, show).output
            }
            let text = #"PROXY TCP4 203.0.113.9 127.0.0.1 4711 22\r\n"#
            #expect(try await from(text).hasPrefix("from 203.0.113.9"))
            let signature = #"\r\n\r\n\0\r\nQUIT\n"#
            let binary =
                signature + #"\x21\x11\x00\x0c"# + #"\xc6\x33\x64\x07\x7f\0\0\x01\x12\x67\0\x16"#
            #expect(try await from(binary).hasPrefix("from 198.51.100.7"))
            let local = signature + #"\x20\x00\x00\x00"#
            #expect(try await from(local).hasPrefix("from 127.0.0.1"))
            #expect(try await installation.ssh(show).output.hasPrefix("from 127.0.0.1"))
            let log = installation.log(.gateway)
            #expect(log.contains("\"remoteAddr\":\"203.0.113.9\""))
            #expect(log.contains("\"remoteAddr\":\"198.51.100.7\""))
            let recordings = Recordings(installation: installation)
            var recorded = ""
            for summary in try await recordings.list() {
                recorded += try await recordings.show(summary.id).text
            }
            #expect(recorded.contains("203.0.113.9"))
            #expect(recorded.contains("198.51.100.7"))
        }
    }

    @Test("a PROXY header from elsewhere is refused, and so is a slow or missing one")
    func refused() async throws {
        try await Installation.with(["ssh.proxyProtocol.trustedNetworks=[10.0.0.0/8]"]) {
            installation in
            let text = #"PROXY TCP4 203.0.113.9 127.0.0.1 4711 22\r\n"#
            #expect(try await installation.sshBehindProxy(text, "true").status == 255)
            try await installation.awaitLog(.gateway, .gatewayProxyHeaderRefused)
            #expect(try await installation.ssh("true").status == 0)
        }
        let settings = [
            "ssh.proxyProtocol.trustedNetworks=[127.0.0.1]", "ssh.proxyProtocol.required=true",
            "ssh.proxyProtocol.timeout=300ms",
        ]
        try await Installation.with(settings) { installation in
            #expect(try await installation.ssh("true").status == 255)
            try await installation.awaitCount(1, of: .gatewayProxyHeaderRefused)
            let slow = try await installation.run(
                "/bin/bash",
                [
                    "-c",
                    "exec 3<>/dev/tcp/127.0.0.1/\(installation.config.ports.ssh); "
                        + "printf 'PROXY TCP4 ' >&3; cat <&3",
                ]
            )
            #expect(slow.output.contains("not complete in time"))
            try await installation.awaitCount(2, of: .gatewayProxyHeaderRefused)
        }
    }

    // MARK: - Sockets that others opened

    @Test("a service manager's sockets are used, and it hears of start and stop")
    func activation() async throws {
        let others = DaemonName.allCases.filter { $0 != .gateway }
        try await Installation.with(daemons: others) { installation in
            let port = Surroundings.freePort()
            let notices = installation.config.path("notify.sock")
            let script = "exec \(Self.python) -c \(Self.quoted(Self.activate)) \(port) \"$@\""
            let listener = try installation.launch(
                Self.python,
                ["-c", Self.notified, notices]
            )
            defer { listener.send(SIGKILL) }
            try await wait(for: "the socket") { FileManager.default.fileExists(atPath: notices) }
            let gateway = try installation.launchGateway(
                script: script,
                environment: ["NOTIFY_SOCKET": notices]
            )
            defer { gateway.send(SIGKILL) }
            try await installation.awaitGateway(gateway)
            try await wait(for: "READY=1") { listener.output.contains("READY=1\n") }
            let login = Installation.Login.with("Port=\(port)") + .anyHost
            #expect(try await installation.ssh("echo $LISTEN_FDS.", login).output == ".\n")
            let elsewhere = try await installation.ssh("true", Installation.anyHost)
            #expect(elsewhere.errors.contains("Connection refused"))
            gateway.send(SIGHUP)
            try await wait(for: "RELOADING=1") { listener.output.contains("RELOADING=1\n") }
            #expect(listener.output.contains("MONOTONIC_USEC="))
            gateway.send(SIGTERM)
            #expect(try await gateway.end().status == 0)
            try await wait(for: "STOPPING=1") { listener.output.contains("STOPPING=1\n") }
        }
    }

    @Test("--inetd serves the connection on standard input, writes nothing else to it, and leaves")
    func inetd() async throws {
        let others = DaemonName.allCases.filter { $0 != .gateway }
        try await Installation.with(daemons: others) { installation in
            let port = Surroundings.freePort()
            let script = "exec \(Self.python) -c \(Self.quoted(Self.inetd)) \(port) \"$@\" --inetd"
            let gateway = try installation.launchGateway(script: script)
            defer { gateway.send(SIGKILL) }
            try await wait(for: "the listener") { gateway.output.contains("listening") }
            let login = Installation.Login.with("Port=\(port)") + .anyHost
            let end = try await installation.ssh("echo single; exit 7", login)
            #expect(end.output == "single\n", "\(end.errors)")
            #expect(end.status == 7)
            #expect(try await gateway.end().status == 0)
        }
    }

    // MARK: - Scripts

    private static let python = Surroundings.python ?? "/usr/bin/python3"

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }

    private static let relay = """
        import os,socket,sys,threading
        s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
        def up():
            while True:
                d=os.read(0,65536)
                if not d: break
                s.sendall(d)
            s.shutdown(socket.SHUT_WR)
        threading.Thread(target=up,daemon=True).start()
        while True:
            d=s.recv(65536)
            if not d: break
            os.write(1,d)
        """

    private static let hoard = """
        import socket,sys
        held=[]
        for _ in range(250):
            s=socket.socket(); s.settimeout(1)
            try: s.connect(("127.0.0.1",int(sys.argv[1])))
            except OSError: pass
            held.append(s)
        sys.stdin.read()
        """

    private static let activate = """
        import os,socket,sys
        s=socket.socket(); s.bind(("127.0.0.1",int(sys.argv[1]))); s.listen(16)
        os.dup2(s.fileno(),3); os.set_inheritable(3,True)
        os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS="1",LISTEN_FDNAMES="ssh")
        os.execv(sys.argv[2],sys.argv[2:])
        """

    private static let inetd = """
        import os,socket,sys
        s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)
        s.bind(("127.0.0.1",int(sys.argv[1]))); s.listen(16)
        print("listening",flush=True)
        c,_=s.accept(); s.close()
        for fd in (0,1,2): os.dup2(c.fileno(),fd)
        c.close()
        os.execv(sys.argv[2],sys.argv[2:])
        """

    private static let notified = """
        import socket,sys
        s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1])
        while True: print(s.recv(4096).decode(),flush=True)
        """
}

extension Installation.Login {
    /// Both logins' options; those of the first count.
    static func + (one: Self, other: Self) -> Self {
        var both = one
        both.options += other.options
        return both
    }

    static var anyHost: Self { Installation.anyHost }
}
