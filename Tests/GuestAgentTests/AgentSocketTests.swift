import CProcess
import Foundation
import GatewayCore
import Glibc
import NIOCore
import NIOPosix
import SharedMessages
import SharedSSH
import SharedWaiting
import SSHTarget
import Testing

@testable import GuestAgent

@Suite("The way that spares the engine") struct AgentSocketTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        // Short: a socket's path is at most 107 bytes.
        let folder = "/tmp/berth-socket-" + String(UInt64.random(in: .min ... .max), radix: 36)
        let files = AgentFiles(program: AgentProcess.program, folder: folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(try files.socketFolder())
    }

    /// The agent with pipes, told to call at `socket`; its standard streams as a transport.
    private func agent(calling socket: String) async throws -> (id: Int32, PipeTransport) {
        let (input, output) = (try pipe(), try pipe())
        let id = try Child.start(
            [AgentProcess.program, "init", socket],
            descriptors: [input.reader, output.writer, 2]
        )
        Glibc.close(input.reader)
        Glibc.close(output.writer)
        let streams = try await PipeTransport.open(
            input: input.writer,
            output: output.reader,
            on: loop
        )
        return (id, streams)
    }

    private func pipe() throws -> (reader: Int32, writer: Int32) {
        var (reader, writer): (Int32, Int32) = (-1, -1)
        guard unsafe berth_pipe(&reader, &writer, 64 << 10) == 0 else { throw POSIXError(.EMFILE) }
        return (reader, writer)
    }

    @Test("an agent that has called serves there, and ends with its standard input")
    func servesOnSocket() async throws {
        try await withFolder { folder in
            let socket = try await AgentSocket.open(in: folder, on: loop)
            let (id, streams) = try await agent(calling: socket.path)
            let link = try await AgentLink.open(
                over: try await socket.connected.value(),
                on: loop,
                logger: AgentProcess.silent
            )
            let program = try await link.start(
                AgentProgram(file: "/bin/echo", arguments: ["echo", "by socket"])
            )
            let output = try await program.nextOutput()
            #expect(output.map { String(buffer: $0.bytes) } == "by socket\n")
            #expect(try await program.exit() == .status(0))
            await streams.close()
            #expect(try await link.waitForEnd() == .lost)
            #expect(Child.collect(id) == 0)
            await link.close()
            await socket.close()
        }
    }

    @Test("a greeting on the standard input is answered on the socket")
    func answersOnSocket() async throws {
        try await withFolder { folder in
            let socket = try await AgentSocket.open(in: folder, on: loop)
            let (id, streams) = try await agent(calling: socket.path)
            let direct = try await socket.connected.value()
            var machine = AgentMachine()
            try await streams.write(machine.takeFrames())
            while machine.greeting == nil, let answer = try await direct.read() {
                try machine.receive(answer)
            }
            #expect(machine.greeting?.version == FrameLimits.version)
            // Now it is the gateway's place; the standard input only ends.
            machine.ping()
            try await direct.write(machine.takeFrames())
            while machine.pongs == 0, let pong = try await direct.read() {
                try machine.receive(pong)
            }
            #expect(machine.pongs == 1)
            await socket.close()
            #expect(Child.collect(id) == 0)
            await streams.close()
        }
    }

    @Test("where nobody listens any more, the agent keeps to its standard streams")
    func fallsBack() async throws {
        try await withFolder { folder in
            let socket = try await AgentSocket.open(in: folder, on: loop)
            await socket.close()
            let (id, streams) = try await agent(calling: socket.path)
            let link = try await AgentLink.open(
                over: streams,
                on: loop,
                logger: AgentProcess.silent
            )
            await link.close()
            #expect(Child.collect(id) == 0)
        }
    }

    @Test("one may call, anybody until then, and afterwards there is no name")
    func oneCaller() async throws {
        try await withFolder { folder in
            let files = FileManager.default
            let socket = try await AgentSocket.open(in: folder, on: loop)
            let names = try files.contentsOfDirectory(atPath: folder)
            #expect(names.map { folder + "/" + $0 } == [socket.path])
            let facts = try files.attributesOfItem(atPath: socket.path)
            #expect(facts[.posixPermissions] as? Int == 0o666)
            let around = try files.attributesOfItem(atPath: folder)
            #expect(around[.posixPermissions] as? Int == 0o711)
            // The kernel's list, which everybody may read, has another name.
            let list = try String(contentsOfFile: "/proc/net/unix", encoding: .utf8)
            #expect(!list.contains(socket.path))

            let first = try #require(try connect(socket.path))
            let transport = try await socket.connected.value()
            #expect(!transport.hasEnded)
            #expect(try files.contentsOfDirectory(atPath: folder).isEmpty)
            Glibc.close(first)
            #expect(try await transport.read() == nil)
            await socket.close()
        }
    }

    @Test("what a gateway left that died is removed in time, and what is in use is not")
    func leftovers() async throws {
        try await withFolder { folder in
            let files = FileManager.default
            let (old, new) = (folder + "/old", folder + "/new")
            for path in [old, new] { #expect(files.createFile(atPath: path, contents: nil)) }
            let before = Date(timeIntervalSinceNow: -7200)
            try files.setAttributes([.modificationDate: before], ofItemAtPath: old)
            let parent = String(folder.dropLast("/links".count))
            _ = try AgentFiles(program: AgentProcess.program, folder: parent).socketFolder()
            #expect(try files.contentsOfDirectory(atPath: folder) == ["new"])
        }
    }

    private func connect(_ path: String) throws -> Int32? {
        let address = try SocketAddress(unixDomainSocketPath: path)
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let code = unsafe address.withSockAddr { pointer, length in
            unsafe Glibc.connect(descriptor, pointer, socklen_t(length))
        }
        guard code == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        return descriptor
    }
}
