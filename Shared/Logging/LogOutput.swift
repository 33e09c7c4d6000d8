import Glibc
import SharedMessages

/// Where log lines go.
package enum LogDestination: Sendable, Hashable {
    case standardOutput
    /// Appended to; created with mode 0644 if it is missing.
    case file(String)
    case syslog(SyslogSettings)
}

/// An open destination. One owner writes to it; freed when it goes away.
@safe
struct LogOutput: ~Copyable {
    private let descriptor: Int32
    private let isOwned: Bool
    private let isSocket: Bool

    /// Opens `destination`; throws `LOG_FILE_OPEN_FAILED` with the system's reason.
    init(_ destination: LogDestination) throws(CodedError) {
        switch destination {
        case .standardOutput:
            self.init(descriptor: STDOUT_FILENO, isOwned: false, isSocket: false)
        case .file(let path):
            let file = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
            guard file >= 0 else { throw Self.openFailed(path) }
            self.init(descriptor: file, isOwned: true, isSocket: false)
        case .syslog(let settings):
            let socket = try SyslogSocket.connect(to: settings.destination)
            self.init(descriptor: socket, isOwned: true, isSocket: true)
        }
    }

    /// Writes to `descriptor`, which stays open.
    init(borrowing descriptor: Int32) {
        self.init(descriptor: descriptor, isOwned: false, isSocket: false)
    }

    private init(descriptor: Int32, isOwned: Bool, isSocket: Bool) {
        self.descriptor = descriptor
        self.isOwned = isOwned
        self.isSocket = isSocket
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// Writes the whole line; returns the system's error number, or `nil` when all went well.
    ///
    /// Blocks as long as the destination does; a syslog socket gives up after five seconds.
    func write(_ line: [UInt8]) -> Int32? {
        var written = 0
        while written < line.count {
            let count = unsafe line.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
                return unsafe isSocket
                    ? send(
                        descriptor,
                        rest.baseAddress,
                        rest.count,
                        Int32(truncatingIfNeeded: MSG_NOSIGNAL)
                    )
                    : Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count > 0 {
                written += count
            } else if errno == EAGAIN, !isSocket {
                waitUntilWritable()
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }

    /// Standard output may be non-blocking, when a terminal is shared with such a program.
    private func waitUntilWritable() {
        var question = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&question, 1, -1)
    }

    static func openFailed(_ what: String, _ number: Int32 = errno) -> CodedError {
        CodedError(.logFileOpenFailed, detail: "\(what): \(systemText(number))")
    }
}

/// What the system says about an error number.
func systemText(_ number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
