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

    /// Gives its descriptors back.
    func release() {
        input?.drop()
        input = nil
        output = nil
        errors = nil
    }
}

/// A connection that was dialled or accepted.
final class ConnectionItem {
    let descriptor: Descriptor
    var input: Sink?
    var output: Source?
    var closeSent = false
    var closeReceived = false

    init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    var isFinished: Bool { (input?.isDone ?? true) && (output?.isEnded ?? true) }
}

/// A connection that is being made by a process of its own.
final class DialItem {
    /// Becomes readable when it is decided.
    let descriptor: Int32
    /// 0 once it has ended.
    var pid: Int32

    /// - Throws: the errno.
    init(
        _ family: Int32,
        _ host: [UInt8],
        _ port: UInt16,
        _ milliseconds: UInt32
    ) throws(SystemError) {
        var pid: Int32 = 0
        let pending = unsafe withCString(host) {
            unsafe agent_dial(family, $0, port, milliseconds, &pid)
        }
        guard pending >= 0 else { throw SystemError(number: -pending) }
        descriptor = pending
        self.pid = pid
    }

    func cancel(_ poller: Poller) {
        poller.forget(descriptor)
        agent_close(descriptor)
        if pid > 0 { _ = agent_kill(pid, SIGKILL) }
    }
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

/// A file that is being written.
///
/// It is written beside its place, and renamed. What is there already and is no regular file, for
/// example a device, is written itself, and so is a file in a folder that takes no new ones.
///
/// A disk that hangs holds up the agent; content comes from the gateway's configuration and is
/// small.
final class FileItem {
    private let descriptor: Int32
    private let path: [UInt8]
    /// Empty where the file itself is written.
    private let temporary: [UInt8]
    private var failure: Int32 = 0

    /// - Throws: the errno.
    init(path: [UInt8], mode: UInt32) throws(SystemError) {
        guard path.first == UInt8(ascii: "/") else { throw SystemError(number: EINVAL) }
        var place = [CChar](repeating: 0, count: 4096)
        var room = [CChar](repeating: 0, count: 4096 + 32)
        let file = unsafe withCString(path) { unsafe agent_create($0, &place, &room, mode) }
        guard file >= 0 else { throw SystemError(number: -file) }
        descriptor = file
        self.path = Self.text(place)
        temporary = Self.text(room)
    }

    func write(_ bytes: ArraySlice<UInt8>) {
        guard failure == 0 else { return }
        failure = Int32(-writeAll(descriptor, Array(bytes)))
    }

    /// Puts the file in its place: 0 or errno.
    func finish() -> Int32 {
        agent_close(descriptor)
        if failure == 0, !temporary.isEmpty {
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

    private func remove() {
        guard !temporary.isEmpty else { return }
        _ = unsafe withCString(temporary) { unsafe agent_remove($0) }
    }

    private static func text(_ room: [CChar]) -> [UInt8] {
        room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }
}

struct SystemError: Error {
    let number: Int32
}
