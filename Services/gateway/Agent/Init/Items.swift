import CAgent

/// A program the agent has started, or one of its own.
final class ProgramItem {
    let pid: Int32
    /// The terminal's master, where it has one.
    let terminal: Descriptor?
    var input: Sink?
    var output: Source?
    var errors: Source?
    var isEnded = false
    var closeReceived = false
    var closeSent = false

    init(pid: Int32, terminal: Descriptor?) {
        self.pid = pid
        self.terminal = terminal
    }

    /// The process and all its output are through.
    var isFinished: Bool {
        isEnded && output?.isEnded ?? true && errors?.isEnded ?? true
    }

    /// Sends a signal to its process group.
    func signal(_ number: Int32) {
        guard !isEnded else { return }
        // The group exists from the child's first step on.
        if agent_kill(-pid, number) < 0 { _ = agent_kill(pid, number) }
    }

    /// Nothing more is read from it.
    func discard() {
        output?.end()
        errors?.end()
    }
}

/// A connection that was dialled or accepted.
final class ConnectionItem {
    let descriptor: Descriptor
    var input: Sink?
    var output: Source?
    var closeSent = false

    init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    var isFinished: Bool { (input?.isDone ?? true) && (output?.isEnded ?? true) }
}

/// A socket that others connect to.
final class ListenerItem {
    let descriptor: Descriptor
    /// The Unix socket's file, to be removed at the end.
    private let path: [UInt8]?

    init(_ descriptor: Descriptor, path: [UInt8]?) {
        self.descriptor = descriptor
        self.path = path
    }

    func close() {
        descriptor.close()
        if let path { _ = unsafe withCString(path) { unsafe agent_remove($0) } }
    }
}

/// A file that is being written beside its place.
///
/// A disk that hangs holds up the agent; content comes from the gateway's configuration and is
/// small.
final class FileItem {
    private let descriptor: Int32
    private let path: [UInt8]
    private let temporary: [UInt8]
    private var failure: Int32 = 0

    /// - Throws: the errno.
    init(path: [UInt8], mode: UInt32) throws(SystemError) {
        guard path.first == UInt8(ascii: "/") else { throw SystemError(number: EINVAL) }
        var room = [CChar](repeating: 0, count: path.count + 32)
        let file = unsafe withCString(path) { unsafe agent_create_beside($0, &room, mode) }
        guard file >= 0 else { throw SystemError(number: -file) }
        descriptor = file
        self.path = path
        temporary = room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }

    func write(_ bytes: ArraySlice<UInt8>) {
        guard failure == 0 else { return }
        failure = Int32(-writeAll(descriptor, Array(bytes)))
    }

    /// Puts the file in its place: 0 or errno.
    func finish() -> Int32 {
        agent_close(descriptor)
        if failure == 0 {
            let renamed = unsafe withCString(temporary) { from in
                unsafe withCString(path) { unsafe agent_rename(from, $0) }
            }
            failure = -renamed
        }
        if failure != 0 { remove() }
        return failure
    }

    func cancel() {
        agent_close(descriptor)
        remove()
    }

    private func remove() { _ = unsafe withCString(temporary) { unsafe agent_remove($0) } }
}

struct SystemError: Error {
    let number: Int32
}
