import Glibc

/// The sockets that whoever started this process passed to it, as `sd_listen_fds(3)` describes:
/// descriptors from 3 on, their number in `LISTEN_FDS`, their names in `LISTEN_FDNAMES`, and for
/// whom they are meant in `LISTEN_PID`.
///
/// A gateway that starts its successor cannot know its number before, and says its own in
/// `LISTEN_PREDECESSOR` instead.
package struct InheritedSockets: Sendable {
    /// Listening sockets of a service manager.
    package private(set) var given: [CInt] = []
    /// Listening sockets of a predecessor.
    package private(set) var handedOver: [CInt] = []
    /// The one connection that the gateway was started for.
    package private(set) var connection: CInt?
    /// Where a predecessor wants to hear how far the start is.
    package private(set) var progress: CInt?

    static let predecessorVariable = "LISTEN_PREDECESSOR"
    /// What a predecessor calls its descriptors.
    enum Name: String {
        case configured = "berth-configured"
        case given = "berth-given"
        case progress = "berth-progress"
    }

    private static let first: CInt = 3
    private static let variables = [
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", predecessorVariable,
    ]

    package init() {}

    /// Takes what is meant for this process, and the variables out of the environment, so that no
    /// child takes them for its own. To be called once, before anything opens a descriptor.
    package static func take() -> InheritedSockets {
        let values = Dictionary(uniqueKeysWithValues: variables.map { ($0, value($0)) })
        for name in variables { unsafe unsetenv(name) }
        return InheritedSockets(
            values.compactMapValues { $0 },
            process: getpid(),
            parent: getppid()
        )
    }

    /// Takes the connection on standard input, as inetd(8) passes it. What this process writes must
    /// not reach the client: outputs that are the same socket go nowhere.
    package mutating func takeStandardInput() {
        let copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
        let nowhere = unsafe Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)
        guard copy >= 0, nowhere >= 0 else { return }
        for output in [STDOUT_FILENO, STDERR_FILENO] where Self.isSame(output, copy) {
            dup2(nowhere, output)
        }
        dup2(nowhere, STDIN_FILENO)
        close(nowhere)
        connection = copy
    }

    private static func isSame(_ one: CInt, _ other: CInt) -> Bool {
        var facts = (stat(), stat())
        guard unsafe fstat(one, &facts.0) == 0, unsafe fstat(other, &facts.1) == 0 else {
            return false
        }
        return facts.0.st_dev == facts.1.st_dev && facts.0.st_ino == facts.1.st_ino
    }

    init(_ variables: [String: String], process: pid_t, parent: pid_t) {
        let isSuccessor = variables[Self.predecessorVariable] == "\(parent)"
        guard isSuccessor || variables["LISTEN_PID"] == "\(process)",
            let count = variables["LISTEN_FDS"].flatMap(CInt.init), (1...1024).contains(count)
        else { return }
        let names = (variables["LISTEN_FDNAMES"] ?? "")
            .split(separator: ":", omittingEmptySubsequences: false)
        for index in 0..<count {
            let descriptor = Self.first + index
            // Programs that this process starts are not meant.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let name = Int(index) < names.count ? String(names[Int(index)]) : ""
            switch isSuccessor ? Name(rawValue: name) : .given {
            case .given: given.append(descriptor)
            case .configured: handedOver.append(descriptor)
            case .progress: progress = descriptor
            case nil: close(descriptor)
            }
        }
    }

    private static func value(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}

extension InheritedSockets {
    /// The listening sockets; throws if one is something else.
    func open() throws -> [Listeners.Open] {
        try given.map { Listeners.Open(.serviceManager, try ListeningSocket(inherited: $0)) }
            + handedOver.map { Listeners.Open(.configuration, try ListeningSocket(inherited: $0)) }
    }
}
