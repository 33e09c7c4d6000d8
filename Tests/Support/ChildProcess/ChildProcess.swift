import Dispatch
package import Foundation
import Glibc
import Synchronization

/// A program of this package that a test starts, reads and stops.
package final class ChildProcess: Sendable {
    /// What a process left behind.
    package struct End: Sendable {
        package let status: Int32
        package let output: String
        package let errors: String
    }

    /// The process id; the test may send signals.
    package let id: Int32
    private let output = LineBuffer()
    private let errors = LineBuffer()
    private let status: Task<Int32, Never>

    /// Starts the program called `name` that lies beside the tests, or has that path. The environment is that of
    /// the tests without `BERTH_…` variables other than those given and `BERTH_CODES_FILE`.
    package init(
        _ name: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        folder: URL? = nil
    ) throws {
        let process = Process()
        process.executableURL = Self.program(name)
        process.arguments = arguments
        process.environment = Self.environment(environment)
        process.currentDirectoryURL = folder
        let (outputPipe, errorPipe) = (Pipe(), Pipe())
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        process.standardInput = FileHandle.nullDevice
        let (ended, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = {
            continuation.yield($0.terminationReason == .exit ? $0.terminationStatus : -1)
            continuation.finish()
        }
        try process.run()
        id = process.processIdentifier
        output.fill(from: outputPipe.fileHandleForReading)
        errors.fill(from: errorPipe.fileHandleForReading)
        status = Task {
            var iterator = ended.makeAsyncIterator()
            return await iterator.next() ?? -1
        }
    }

    deinit { kill(id, SIGKILL) }

    /// Whether the program has been built.
    package static func exists(_ name: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: program(name).path)
    }

    /// Runs the program to its end.
    package static func run(
        _ name: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        folder: URL? = nil
    ) async throws -> End {
        try await ChildProcess(name, arguments, environment: environment, folder: folder).end()
    }

    /// The next line of standard output that contains `text`; `nil` if the program ends before.
    package func line(containing text: String) async -> String? {
        await output.line(containing: text)
    }

    package func send(signal: Int32) { kill(id, signal) }

    /// Waits for the end.
    package func end() async -> End {
        let status = await status.value
        return End(
            status: status,
            output: await output.everything(),
            errors: await errors.everything()
        )
    }

    private static func program(_ name: String) -> URL {
        guard !name.hasPrefix("/") else { return URL(filePath: name) }
        return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: name)
    }

    private static func environment(_ own: [String: String]) -> [String: String] {
        ProcessInfo.processInfo.environment
            .filter { !$0.key.hasPrefix("BERTH_") || $0.key == "BERTH_CODES_FILE" }
            .merging(own) { $1 }
    }
}

/// The lines of a stream as they arrive, for one reader.
private final class LineBuffer: Sendable {
    private struct State {
        var lines: [String] = []
        var seen = 0
    }

    private let state = Mutex(State())
    private let news: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (news, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Reads on a thread of its own until the writers are gone.
    func fill(from handle: FileHandle) {
        let thread = Thread { [self] in
            var rest: [UInt8] = []
            while true {
                let chunk = handle.availableData
                if chunk.isEmpty { break }
                rest += chunk
                while let end = rest.firstIndex(of: 0x0A) {
                    add(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeSubrange(...end)
                }
            }
            if !rest.isEmpty { add(String(decoding: rest, as: UTF8.self)) }
            continuation.finish()
        }
        thread.start()
    }

    private func add(_ line: String) {
        state.withLock { $0.lines.append(line) }
        continuation.yield()
    }

    func line(containing text: String) async -> String? {
        var iterator = news.makeAsyncIterator()
        while true {
            let found = state.withLock { state -> String? in
                while state.seen < state.lines.count {
                    defer { state.seen += 1 }
                    if state.lines[state.seen].contains(text) { return state.lines[state.seen] }
                }
                return nil
            }
            if let found { return found }
            guard await iterator.next() != nil else { return nil }
        }
    }

    func everything() async -> String {
        for await _ in news {}
        return state.withLock { $0.lines.map { $0 + "\n" }.joined() }
    }
}
