import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import SharedSSH

/// Many sessions that do nothing, or whose programs write without end.
struct Idle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens sessions and holds them; prints the server's memory."
    )

    @OptionGroup var target: Target
    @Option(help: "Sessions.") var count = 1000
    @Option(help: "Seconds to hold them.") var hold = 5
    @Option(help: "Process of the server, for its memory.") var pid: Int?
    @Option(help: "Run this in each.") var command: String?
    @Flag(help: "Say \"ready\" once they are there.") var announce = false
    @Flag(help: "Read what the commands write.") var drain = false
    @Option(help: "Send this line to each command once all are there.") var line: String?

    private struct Result: Encodable {
        let bench = "idle"
        var count: Int
        var command: String?
        var residentBefore: Int?
        var resident: Int?
        var perSession: Int?
    }

    func run() async throws {
        let settings = try target.settings()
        let credential = try target.credential()
        let group = MultiThreadedEventLoopGroup.singleton
        let before = pid.flatMap { residentMemory(of: $0) }
        var clients: [SSHClient] = []
        var sessions: [SSHClientSession] = []
        var readers: [Task<Void, any Error>] = []
        for _ in 0..<count {
            let client = try await target.logIn(settings, credential, on: group)
            clients.append(client)
            guard let command else { continue }
            let session = try await client.openSession()
            try await session.request(.exec(command: RawText(command)))
            sessions.append(session)
            if drain { readers.append(Task { while try await session.read() != nil {} }) }
        }
        if let line {
            for session in sessions { try await session.write(ByteBuffer(string: line + "\n")) }
        }
        if announce { try FileHandle.standardOutput.write(contentsOf: Data("ready\n".utf8)) }
        try await Task.sleep(for: .seconds(hold))
        let after = pid.flatMap { residentMemory(of: $0) }
        let grown = after.flatMap { after in before.map { after - $0 } }
        try report(
            Result(
                count: count,
                command: command,
                residentBefore: before,
                resident: after,
                perSession: grown.map { $0 / max(1, count) }
            )
        )
        for reader in readers { reader.cancel() }
        for client in clients { await client.close() }
        sessions.removeAll()
    }
}
