import CAgent

/// The signals that the command line knows, which are those of RFC 4254 §6.10.
enum NamedSignal {
    private static let names: [StaticString] = [
        "ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1",
        "USR2",
    ]

    static func number(_ name: [UInt8]) -> Int32? {
        guard names.contains(where: { bytes($0) == name }) else { return nil }
        return unsafe withCString(name) { unsafe agent_signal_number($0) }
    }
}

/// `signal`: sends a signal to one process.
enum SignalMode {
    static func run(_ arguments: [[UInt8]]) -> Int32 {
        var rest = arguments[...]
        var pid: Int32?
        var signal: Int32?
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { return complain("bad arguments", 1) }
            switch option {
            case bytes("--pid") where pid == nil:
                pid = number(value)
                if pid == nil { return complain("--pid wants a process id", 1) }
            case bytes("--signal"):
                signal = NamedSignal.number(value)
                if signal == nil { return complain("--signal wants the name of a signal", 1) }
            default: return complain("bad arguments", 1)
            }
        }
        guard let pid, let signal else { return complain("--pid and --signal are needed", 1) }
        let result = agent_kill(pid, signal)
        guard result == 0 else {
            printLine(2, bytes("berth-agent: ") + errorText(-result))
            return 3
        }
        return 0
    }

    private static func number(_ text: [UInt8]) -> Int32? {
        var value: Int32 = 0
        for byte in text {
            guard (48...57).contains(byte), value < 100_000_000 else { return nil }
            value = value * 10 + Int32(byte - 48)
        }
        return value >= 1 ? value : nil
    }
}

/// `wait-signal`: what keeps a container alive; collects orphans as process 1 has to.
enum WaitSignalMode {
    static func run(_ arguments: [[UInt8]]) -> Int32 {
        var rest = arguments[...]
        var signals: UInt64 = 0
        var message: [UInt8] = []
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { return complain("bad arguments", 1) }
            switch option {
            case bytes("--signal"):
                guard let number = NamedSignal.number(value) else {
                    return complain("--signal wants the name of a signal", 1)
                }
                signals |= 1 << UInt64(number)
            case bytes("--message"): message = value
            default: return complain("bad arguments", 1)
            }
        }
        guard signals != 0 else { return complain("--signal is needed", 1) }
        _ = agent_wait_signal(signals)
        return writeAll(1, message) == 0 ? 0 : 1
    }
}

/// `write-file`: standard input becomes a file of mode 0600, whole or not at all.
enum WriteFileMode {
    static func run(_ arguments: [[UInt8]]) -> Int32 {
        guard arguments.count == 1 else { return 1 }
        let file: FileItem
        do throws(SystemError) {
            file = try FileItem(path: absolute(arguments[0]), mode: 0o600)
        } catch {
            return complain(arguments[0], error.number)
        }
        while true {
            let (piece, count) = readBytes(0, 65536)
            guard count > 0 else { break }
            file.write(piece[...])
        }
        let failure = file.finish()
        return failure == 0 ? 0 : complain(arguments[0], failure)
    }

    /// A path in the working directory.
    private static func absolute(_ path: [UInt8]) -> [UInt8] {
        path.first == UInt8(ascii: "/") ? path : bytes("/proc/self/cwd/") + path
    }

    private static func complain(_ path: [UInt8], _ failure: Int32) -> Int32 {
        printLine(2, path + bytes(": ") + errorText(failure))
        return 1
    }
}
