import BackendConformance
import Foundation
import GatewayCore
import NIOCore
import SSHTarget
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import SSHProxyBackend

/// A server that breaks the rules, see the script.
private final class HostileTarget: Sendable {
    static let python: String? = {
        let given = ProcessInfo.processInfo.environment["BERTH_TEST_PYTHON"]
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let path = given ?? root.appending(path: "var/python/bin/python3").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    let config: SSHProxyConfig
    private let id: Int32
    private let lifeline: FileHandle

    init(_ trick: String) throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Scripts/hostile_server.py").path
        let (input, output) = (Pipe(), Pipe())
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        lifeline = input.fileHandleForWriting
        id = try Child.start(
            [try #require(Self.python), script, trick],
            descriptors: [
                input.fileHandleForReading.fileDescriptor,
                output.fileHandleForWriting.fileDescriptor,
                FileHandle.nullDevice.fileDescriptor,
            ]
        )
        try output.fileHandleForWriting.close()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let words = line.split(whereSeparator: \.isWhitespace)
        try #require(words.count == 2, "\(line)")
        var config = SSHProxyConfig()
        config.server = "127.0.0.1"
        config.port = try #require(Int(words[0]))
        config.username = "x"
        config.password = Secret("x")
        config.allowedHostKeyFingerprints = [String(words[1])]
        config.timeout = .seconds(20)
        self.config = config
    }

    deinit {
        // Its end of input is its end.
        try? lifeline.close()
        Child.collect(id)
    }
}

@Suite(
    "A target that breaks the rules",
    .enabled(
        if: HostileTarget.python != nil,
        "needs the Python packages of deploy/dev/deps.sh test"
    ),
    .timeLimit(.minutes(5))
)
struct HostileTargetTests {
    private func run(
        _ trick: String,
        _ body: (any Program) async throws -> Void
    ) async throws -> [String] {
        let target = try HostileTarget(trick)
        let proxy = try ProxyFixture(target.config)
        try await proxy.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .exec(RawText(trick))))
            // It waits for a byte.
            _ = try await program.write(ByteBuffer(string: "!"))
            try await body(program)
        }
        return proxy.codes
    }

    @Test(
        "an end that cannot be read, or is missing, is an unknown status",
        arguments: [
            ("status", "EXIT_STATUS_DECODE_FAILED"), ("signal", "EXIT_SIGNAL_DECODE_FAILED"),
            ("nothing", "BACKEND_SESSION_CLOSED"),
        ]
    )
    func unknownEnd(trick: String, code: String) async throws {
        let codes = try await run(trick) { program in
            await #expect(throws: CodedError.self) { _ = try await program.exit() }
        }
        #expect(codes.contains("SSHPROXY_" + code), "\(codes)")
    }

    @Test("a channel open that cannot be read is refused, and nothing else happens")
    func malformedOpen() async throws {
        let codes = try await run("open") { program in
            let exit = try await program.exit()
            #expect(exit == .status(0))
        }
        #expect(codes.contains("SSHPROXY_UNMARSHAL_FAILED"), "\(codes)")
    }

    @Test("tiny packets and endless windows carry the bytes", arguments: ["tiny", "window"])
    func extremes(trick: String) async throws {
        _ = try await run(trick) { program in
            for _ in 0..<10 {
                _ = try await program.write(ByteBuffer(repeating: 7, count: 10_000))
            }
            let done = try await program.finish()
            #expect(done.output == "100000")
        }
    }

    @Test("a broken protocol ends the connection and is told", arguments: ["flood", "stray"])
    func violation(trick: String) async throws {
        let codes = try await run(trick) { program in
            _ = try await program.read(until: "[SSHPROXY_BACKEND_DISCONNECTED]")
        }
        #expect(codes.contains("SSHPROXY_BACKEND_DISCONNECTED"))
    }
}
