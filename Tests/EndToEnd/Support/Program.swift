import Foundation
import Glibc
import Synchronization

/// A running program, one of ours or another's. Its output goes to files, so that no reader can
/// slow it down and nothing is kept in memory.
final class Program: Sendable {
    enum Input: Sendable {
        case nothing
        case text(String)
        case file(URL)
        /// Stays open until `closeInput()`.
        case held
    }

    /// What a program left behind.
    struct End: Sendable {
        /// The exit status, or the number of the signal that ended it, negative.
        let status: Int32
        let outputFile: URL
        let errors: String

        var output: String { Program.text(outputFile) }
    }

    let id: Int32
    let outputFile: URL
    let errorFile: URL
    private let result: Task<Int32, Never>
    private let input: Mutex<FileHandle?>
    /// The end of a pipe that nobody reads.
    private let unread: FileHandle?

    /// Starts the program.
    ///
    /// `files` is the beginning of the paths of its output; `environment` is added to that of the
    /// tests, without their `BERTH_…` variables. With `unread` nobody reads its standard output.
    init(
        _ path: String,
        _ arguments: [String],
        input: Input = .nothing,
        environment: [String: String] = [:],
        files: URL,
        unread: Bool = false
    ) throws {
        outputFile = files.appendingPathExtension("out")
        errorFile = files.appendingPathExtension("err")
        let source = try Self.source(input, files)
        self.input = Mutex(source.held)
        let silent = unread ? Pipe() : nil
        self.unread = silent?.fileHandleForReading
        let output = try silent?.fileHandleForWriting ?? Self.append(to: outputFile)
        let errors = try Self.append(to: errorFile)
        let id = try Spawn.start(
            path,
            arguments,
            environment: ProcessInfo.processInfo.environment
                .filter { !$0.key.hasPrefix("BERTH_") && $0.key != "SSH_AUTH_SOCK" }
                .merging(environment) { $1 },
            descriptors: [source.read, output, errors].map(\.fileDescriptor)
        )
        for handle in [source.read, output, errors] { try handle.close() }
        self.id = id
        try Guardian.watch(id)
        result = Task {
            let status = await Spawn.end(of: id)
            try? Guardian.forget(id)
            return status
        }
    }

    /// Waits for the end; kills the program and throws when it takes longer than `limit`.
    func end(within limit: Duration = .seconds(90)) async throws -> End {
        let late = Task { [id] in
            guard (try? await Task.sleep(for: limit)) != nil else { return false }
            kill(id, SIGKILL)
            return true
        }
        let status = await withTaskCancellationHandler {
            await result.value
        } onCancel: { [id] in
            kill(id, SIGKILL)
        }
        late.cancel()
        guard await !late.value else {
            throw NotInTime(description: "not ended after \(limit); it wrote: \(output)\n\(errors)")
        }
        return End(status: status, outputFile: outputFile, errors: errors)
    }

    /// Sends a signal to the program.
    func send(_ signal: Int32) { kill(id, signal) }

    /// Writes to a `held` input.
    func write(_ text: String) throws {
        try input.withLock { try $0?.write(contentsOf: Data(text.utf8)) }
    }

    func closeInput() throws {
        try input.withLock { handle in
            try handle?.close()
            handle = nil
        }
    }

    /// What it has written until now.
    var output: String { Self.text(outputFile) }
    var errors: String { Self.text(errorFile) }

    fileprivate static func text(_ file: URL) -> String {
        (try? String(decoding: Data(contentsOf: file), as: UTF8.self)) ?? ""
    }

    private static func append(to file: URL) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: file.path) {
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        }
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        return handle
    }

    /// Where the program reads, and the end to write to for a `held` input.
    private static func source(
        _ input: Input,
        _ files: URL
    ) throws -> (read: FileHandle, held: FileHandle?) {
        switch input {
        case .nothing:
            return (try FileHandle(forReadingFrom: URL(filePath: "/dev/null")), nil)
        case .text(let text):
            let file = files.appendingPathExtension("in")
            try Data(text.utf8).write(to: file)
            return (try FileHandle(forReadingFrom: file), nil)
        case .file(let file):
            return (try FileHandle(forReadingFrom: file), nil)
        case .held:
            let pipe = Pipe()
            _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
            return (pipe.fileHandleForReading, pipe.fileHandleForWriting)
        }
    }
}
