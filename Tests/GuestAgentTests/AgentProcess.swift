import BackendConformance
import CProcess
import Foundation
import GatewayCore
import Glibc
import Logging
import NIOCore
import NIOPosix
import SharedMessages
import SharedSSH
import SSHTarget

@testable import GuestAgent

/// The real agent, as the first process of namespaces of its own.
struct AgentProcess {
    static let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "berth-agent").path
    /// Names the processes of one workspace.
    static let mark = "BERTH_AGENT_TEST"

    static let silent = Logger(label: "agent-tests") { _ in SwiftLogNoOpLogHandler() }

    let id: Int32
    let transport: PipeTransport

    static func start(mark: String, on loop: any EventLoop) async throws -> AgentProcess {
        let script = """
            ip link set lo up; mount -t tmpfs tmpfs /tmp; chmod 1777 /tmp
            exec env \(Self.mark)=\(mark) \(program) init
            """
        let (input, output) = (try pipe(), try pipe())
        let id = try Child.start(
            [
                "/usr/bin/unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc",
                "--kill-child=KILL", "/bin/sh", "-c", script,
            ],
            descriptors: [input.reader, output.writer, 2]
        )
        Glibc.close(input.reader)
        Glibc.close(output.writer)
        let transport = try await PipeTransport.open(
            input: input.writer,
            output: output.reader,
            on: loop
        )
        return AgentProcess(id: id, transport: transport)
    }

    /// Waits, on a thread of its own, until it and everything in it is gone.
    func ended() async {
        await withCheckedContinuation { continuation in
            let thread = Thread { [id] in
                Child.collect(id)
                continuation.resume()
            }
            thread.start()
        }
    }

    private static func pipe() throws -> (reader: Int32, writer: Int32) {
        var (reader, writer): (Int32, Int32) = (-1, -1)
        guard unsafe berth_pipe(&reader, &writer, 64 << 10) == 0 else { throw POSIXError(.EMFILE) }
        return (reader, writer)
    }

    /// The marks of processes that run, with their commands.
    static func processes(marked mark: String) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { Int32($0) != nil }.compactMap { id in
            guard let environment = FileManager.default.contents(atPath: "/proc/\(id)/environ"),
                String(decoding: environment, as: UTF8.self).contains("\(Self.mark)=\(mark)")
            else { return nil }
            let command = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
            return "\(id) " + String(decoding: command, as: UTF8.self)
        }
    }
}

/// A backend whose workspaces are agents.
struct AgentBackend: Backend {
    static let name = "agent"

    func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        let process = try await AgentProcess.start(
            mark: request.connectionID,
            on: request.eventLoop
        )
        do {
            let link = try await AgentLink.open(
                over: process.transport,
                on: request.eventLoop,
                logger: AgentProcess.silent
            )
            return AgentWorkspace(process: process, link: link)
        } catch {
            await process.ended()
            throw error
        }
    }
}

struct AgentWorkspace: Workspace {
    let process: AgentProcess
    let link: AgentLink
    let commands = AgentCommands(
        environment: [("HOME", "/tmp")],
        shellCommand: ["/bin/no-such-shell"],
        spareShell: ["/bin/sh"],
        subsystems: ["sftp": "/no/such/server"]
    )

    var label: String { "agent" }

    func start(_ request: ProgramRequest) async throws -> any Program {
        guard let program = try await link.start(request, commands) else {
            throw CodedError(.agentProgramStartFailed, detail: "no such subsystem")
        }
        return program
    }

    func putFile(_ file: WorkspaceFile) async throws { try await link.putFile(file) }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try await link.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try await link.listen(place)
    }

    func close() async {
        await link.close()
        await process.ended()
    }
}
