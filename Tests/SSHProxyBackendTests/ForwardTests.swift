import BackendConformance
import GatewayCore
import NIOCore
import SSHTarget
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import SSHProxyBackend

@Suite(
    "Forwarding through the target",
    .enabled(if: SSHTarget.isThere, ProxyFixture.reason),
    .timeLimit(.minutes(5))
)
struct ForwardTests {
    private static let anywhere: DestinationRules = {
        var config = SecurityForwardingConfig()
        config.forwardingMode = .enable
        return DestinationRules(config)
    }()

    private func dial(
        _ workspace: any Workspace,
        _ destination: DialDestination
    ) async throws -> any WorkspaceStream {
        try await workspace.dial(
            destination,
            permission: DialPermission(Self.anywhere, to: destination)
        )
    }

    private func read(_ stream: any WorkspaceStream, until text: String) async throws -> String {
        var seen = ""
        while !seen.contains(text), let bytes = try await stream.read() {
            seen += String(buffer: bytes)
        }
        return seen
    }

    @Test("a TCP connection is made there, and half-closed")
    func tcp() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let stream = try await dial(
                    workspace,
                    .tcp(host: "127.0.0.1", port: UInt16(target.port))
                )
                #expect(
                    try await read(stream, until: "SSH-2.0-OpenSSH").contains("SSH-2.0-OpenSSH")
                )
                await stream.closeWrite()
                while try await stream.read() != nil {}
                await stream.close()
            }
            #expect(proxy.codes.contains("SSHPROXY_TCP_FORWARD"))
        }
    }

    @Test("a connection that fails there is refused with the target's text and reason")
    func refused() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let port = UInt16(Loopback.freePort())
                let error = await #expect(throws: CodedError.self) {
                    try await dial(workspace, .tcp(host: "127.0.0.1", port: port))
                }
                #expect(error?.code == .sshproxyBackendForwardFailed)
                #expect((error?.cause as? ChannelOpenRefused)?.reason == 2)
                #expect(error?.personText?.contains("Connection refused") == true)
            }
            #expect(proxy.codes.contains("SSHPROXY_BACKEND_FORWARD_FAILED"))
        }
    }

    @Test("a target that forbids forwarding says so")
    func forbidden() async throws {
        try await SSHTarget.with(["AllowTcpForwarding no"]) { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let error = await #expect(throws: CodedError.self) {
                    try await dial(workspace, .tcp(host: "127.0.0.1", port: 1))
                }
                #expect((error?.cause as? ChannelOpenRefused)?.reason == 1)
                await #expect(throws: CodedError.self) {
                    try await workspace.listen(.tcp(host: "127.0.0.1", port: 0))
                }
            }
        }
    }

    @Test("a Unix socket there is connected to")
    func unixSocket() async throws {
        try await SSHTarget.with { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let server = try await workspace.start(
                    ProgramRequest(
                        kind: .exec(
                            """
                            python3 -uc 'import socket
                            s = socket.socket(socket.AF_UNIX); s.bind("/tmp/s"); s.listen()
                            print("on"); c, _ = s.accept(); c.sendall(b"got " + c.recv(9))'
                            """
                        )
                    )
                )
                _ = try await server.read(until: "on")
                let stream = try await dial(workspace, .unixSocket(path: "/tmp/s"))
                try await stream.write(ByteBuffer(string: "this"))
                #expect(try await read(stream, until: "this") == "got this")
                await stream.close()
            }
        }
    }

    @Test("the target listens on a port of its choice, until it is told not to")
    func listen() async throws {
        try await SSHTarget.with { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let listener = try await workspace.listen(.tcp(host: "127.0.0.1", port: 0))
                let port = try #require(listener.boundPort)
                let ask = "exec 3<>/dev/tcp/127.0.0.1/\(port) && echo from there >&3 && cat <&3"
                async let asked = workspace.run(ask)
                let accepted = try #require(try await listener.accept())
                #expect(accepted.originator?.host == "127.0.0.1")
                #expect(try await read(accepted.stream, until: "\n") == "from there\n")
                try await accepted.stream.write(ByteBuffer(string: "to there\n"))
                await accepted.stream.close()
                #expect(try await asked.output == "to there\n")
                await listener.close()
                #expect(try await listener.accept() == nil)
                try await eventually(.seconds(10), "nobody listens any more") {
                    try await workspace.run("exec 3<>/dev/tcp/127.0.0.1/\(port)").exit != .status(0)
                }
            }
        }
    }

    @Test("the target listens on a Unix socket")
    func listenUnix() async throws {
        try await SSHTarget.with { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let listener = try await workspace.listen(.unixSocket(path: "/tmp/there"))
                async let asked = workspace.run(
                    """
                    python3 -c 'import socket
                    s = socket.socket(socket.AF_UNIX); s.connect("/tmp/there"); s.sendall(b"hello")
                    print(s.recv(9).decode())'
                    """
                )
                let accepted = try #require(try await listener.accept())
                #expect(accepted.originator == nil)
                #expect(try await read(accepted.stream, until: "hello") == "hello")
                try await accepted.stream.write(ByteBuffer(string: "back"))
                #expect(try await asked.output == "back\n")
                await accepted.stream.close()
                await listener.close()
            }
        }
    }

    @Test("the client's agent is reached from a program there")
    func agent() async throws {
        try await SSHTarget.with { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let listener = try await workspace.listen(.agent)
                let other = try await workspace.run("echo ${SSH_AUTH_SOCK-none}")
                #expect(other.output == "none\n")
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec("ssh-add -l; env | grep -c BERTH_SSHPROXY"),
                        environment: listener.environment.map { ($0.name, RawText($0.value)) }
                    )
                )
                let accepted = try #require(try await listener.accept())
                // SSH_AGENTC_REQUEST_IDENTITIES; the answer holds no identity.
                var question: [UInt8] = []
                while question.count < 5, let bytes = try await accepted.stream.read() {
                    question += bytes.readableBytesView
                }
                #expect(question == [0, 0, 0, 1, 11])
                try await accepted.stream.write(
                    ByteBuffer(bytes: [0, 0, 0, 5, 12, 0, 0, 0, 0])
                )
                let done = try await program.finish()
                #expect(done.output.contains("The agent has no identities."))
                #expect(done.output.hasSuffix("0\n"))
                await accepted.stream.close()
                await listener.close()
            }
        }
    }

    @Test("a display that the target does not forward is logged, and the program runs")
    func display() async throws {
        try await SSHTarget.with(["X11Forwarding no"]) { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let request = X11Request(
                    isSingleConnection: false,
                    protocolName: "MIT-MAGIC-COOKIE-1",
                    cookie: String(repeating: "ab", count: 16),
                    screen: 0
                )
                let listener = try await workspace.listen(.x11(request))
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec("echo ${DISPLAY-none}"),
                        environment: listener.environment.map { ($0.name, RawText($0.value)) }
                    )
                )
                #expect(try await program.finish().output == "none\n")
                await listener.close()
            }
            #expect(proxy.codes.contains("SSHPROXY_X11_FAILED"))
        }
    }
}
