import CProcess
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
    /// Means this process even when its number is another's by now.
    private let handle: Int32

    /// Starts the program called `name` that lies beside the tests, or has that path. The environment is that of
    /// the tests without `BERTH_…` variables other than those given and `BERTH_CODES_FILE`.
    package init(
        _ name: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        folder: URL? = nil
    ) throws {
        let (outputPipe, errorPipe) = (Pipe(), Pipe())
        // Foundation's Process crashes now and then where others start processes at the time.
        let started = try Self.start(
            [Self.program(name).path] + arguments,
            Self.environment(environment),
            folder,
            outputs: [outputPipe, errorPipe].map(\.fileHandleForWriting.fileDescriptor)
        )
        (id, handle) = started
        for pipe in [outputPipe, errorPipe] { try pipe.fileHandleForWriting.close() }
        output.fill(from: outputPipe.fileHandleForReading)
        errors.fill(from: errorPipe.fileHandleForReading)
        status = Task { await Self.collect(started.id) }
    }

    deinit {
        _ = berth_pidfd_signal(handle, SIGKILL)
        close(handle)
    }

    private static func start(
        _ words: [String],
        _ environment: [String: String],
        _ folder: URL?,
        outputs: [Int32]
    ) throws -> (id: Int32, handle: Int32) {
        // As env(1) does it: the first word is the program.
        let words = folder.map { ["/usr/bin/env", "-C", $0.path] + words } ?? words
        var list: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        var values: [UnsafeMutablePointer<CChar>?] =
            unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") }
        defer { unsafe (list + values).forEach { unsafe free($0) } }
        unsafe list.append(nil)
        unsafe values.append(nil)
        var id: pid_t = 0
        var handle: Int32 = -1
        let code = unsafe list.withUnsafeBufferPointer { list in
            unsafe values.withUnsafeBufferPointer { values in
                unsafe ([-1] + outputs).withUnsafeBufferPointer { descriptors in
                    var spawn = unsafe berth_spawn()
                    unsafe spawn.path = list[0].map { unsafe UnsafePointer($0) }
                    unsafe spawn.arguments = list.baseAddress
                    unsafe spawn.environment = values.baseAddress
                    unsafe spawn.descriptors = descriptors.baseAddress
                    unsafe spawn.descriptor_count = descriptors.count
                    unsafe spawn.user = -1
                    unsafe spawn.group = -1
                    return unsafe berth_spawn_process(&spawn, &id, &handle)
                }
            }
        }
        guard code == 0 else { throw StartFailure(program: words[0], number: code) }
        return (id, handle)
    }

    /// Waits for the end on a thread of its own: the exit status, or -1 after a signal.
    private static func collect(_ id: Int32) async -> Int32 {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                var status: Int32 = 0
                while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
                let isExit = berth_exited(status) != 0
                continuation.resume(returning: isExit ? berth_exit_status(status) : -1)
            }
            thread.start()
        }
    }

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

    package func send(signal: Int32) { _ = berth_pidfd_signal(handle, signal) }

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

/// A program that could not be started.
struct StartFailure: Error, CustomStringConvertible {
    let program: String
    let number: Int32

    var description: String { "\(program): errno \(number)" }
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
