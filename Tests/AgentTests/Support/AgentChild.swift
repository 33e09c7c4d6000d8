import CProcess
import Foundation
import Glibc

/// What did not happen in time, or not as it should.
struct Unexpected: Error, CustomStringConvertible {
    let description: String
}

/// The real agent as a child process, with pipes at its standard descriptors.
final class AgentChild {
    let pid: Int32
    private let handle: Int32
    let output: Int32
    private let errors: Int32
    private var input: Int32
    private var status: Int32?

    /// As long as anything may take on a machine that is busy.
    static let limit: Int64 = 30_000

    /// The agent beside the tests.
    static let path = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "berth-agent").path

    /// Starts the agent, or `program` instead of it, with `environment` and nothing else.
    init(
        _ arguments: [String],
        program: String = AgentChild.path,
        environment: [String: String] = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]
    ) throws {
        // Writing to an agent that has ended is an error, not the end of the tests.
        signal(SIGPIPE, SIG_IGN)
        let (theirInput, ourInput) = try Self.pipe()
        let (ourOutput, theirOutput) = try Self.pipe()
        let (ourErrors, theirErrors) = try Self.pipe()
        defer { for end in [theirInput, theirOutput, theirErrors] { close(end) } }
        (input, output, errors) = (ourInput, ourOutput, ourErrors)
        for end in [ourInput, ourOutput, ourErrors] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        let words = CStrings([program] + arguments)
        let variables = CStrings(environment.map { "\($0)=\($1)" })
        var id: pid_t = 0
        var handle: Int32 = -1
        let code = unsafe program.withCString { path in
            unsafe [theirInput, theirOutput, theirErrors].withUnsafeBufferPointer { ends in
                var spawn = unsafe berth_spawn()
                unsafe spawn.path = path
                unsafe spawn.arguments = UnsafePointer(words.pointers)
                unsafe spawn.environment = UnsafePointer(variables.pointers)
                unsafe spawn.descriptors = ends.baseAddress
                unsafe spawn.descriptor_count = ends.count
                unsafe spawn.user = -1
                unsafe spawn.group = -1
                return unsafe berth_spawn_process(&spawn, &id, &handle)
            }
        }
        guard code == 0 else { throw Unexpected(description: "\(program): errno \(code)") }
        pid = id
        self.handle = handle
    }

    deinit {
        closeInput()
        if status == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        for descriptor in [handle, output, errors] { close(descriptor) }
    }

    /// Writes all of it, or fails when nobody reads any more.
    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(input, $0.baseAddress, $0.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try Self.wait(input, Int16(POLLOUT), "the agent does not read")
            } else if errno != EINTR {
                throw Unexpected(description: "the agent's input: errno \(errno)")
            }
        }
    }

    /// Writes, unless the agent takes nothing for a moment: whether it took all.
    func writeSome(_ bytes: [UInt8]) throws -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(input, $0.baseAddress, $0.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                var watched = pollfd(fd: input, events: Int16(POLLOUT), revents: 0)
                if unsafe poll(&watched, 1, 500) == 0 { return false }
            }
        }
        return true
    }

    func residentKiB() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? Int.max
    }

    func openDescriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// What there is of standard output, waiting for the first byte; empty at the end.
    func read(atMost room: Int = 1 << 18) throws -> [UInt8] { try Self.read(output, room) }

    /// Everything until the end of standard output.
    func readAll() throws -> [UInt8] { try Self.readAll(output) }

    /// Everything that it wrote to standard error, until that ends.
    func readErrors() throws -> String { String(decoding: try Self.readAll(errors), as: UTF8.self) }

    /// The exit status, or the number of the signal, negative.
    func end() throws -> Int32 {
        if let status { return status }
        try Self.wait(handle, Int16(POLLIN), "the agent does not end")
        var raw: Int32 = 0
        unsafe waitpid(pid, &raw, 0)
        let ended = berth_exited(raw) != 0 ? berth_exit_status(raw) : -berth_term_signal(raw)
        status = ended
        return ended
    }

    /// Runs the agent to its end.
    static func run(
        _ arguments: [String],
        input: [UInt8] = [],
        program: String = AgentChild.path,
        environment: [String: String] = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]
    ) throws -> (status: Int32, output: [UInt8], errors: String) {
        let child = try AgentChild(arguments, program: program, environment: environment)
        // It may end before it has read all.
        try? child.write(input)
        child.closeInput()
        let output = try child.readAll()
        let errors = try child.readErrors()
        return (try child.end(), output, errors)
    }

    static func readAll(_ descriptor: Int32) throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let piece = try read(descriptor, 1 << 16)
            if piece.isEmpty { return all }
            all += piece
        }
    }

    /// Reads a non-blocking descriptor; empty at its end.
    static func read(_ descriptor: Int32, _ room: Int) throws -> [UInt8] {
        while true {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
                count = unsafe Glibc.read(descriptor, buffer.baseAddress, room)
                filled = max(count, 0)
            }
            if count >= 0 { return bytes }
            guard errno == EAGAIN || errno == EINTR else {
                throw Unexpected(description: "read: errno \(errno)")
            }
            try wait(descriptor, Int16(POLLIN), "nothing to read")
        }
    }

    static func wait(_ descriptor: Int32, _ events: Int16, _ what: String) throws {
        var watched = pollfd(fd: descriptor, events: events, revents: 0)
        var ready: Int32
        repeat { ready = unsafe poll(&watched, 1, Int32(limit)) } while ready < 0 && errno == EINTR
        guard ready > 0 else { throw Unexpected(description: what) }
    }

    private static func pipe() throws -> (reader: Int32, writer: Int32) {
        var (reader, writer): (Int32, Int32) = (-1, -1)
        let code = unsafe berth_pipe(&reader, &writer, 0)
        guard code == 0 else { throw Unexpected(description: "pipe: \(code)") }
        return (reader, writer)
    }
}

/// A list of strings as execve(2) wants it.
@safe
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() {
            unsafe (pointers + index).initialize(to: strdup(string))
        }
        unsafe (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}
