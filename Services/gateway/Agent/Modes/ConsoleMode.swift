import CAgent

/// `console`: prepares and becomes a program.
enum ConsoleMode {
    static func run(_ arguments: [[UInt8]]) -> Int32 {
        guard let request = ConsoleRequest(arguments) else { return complain("bad arguments", 1) }
        if request.waits, !isToldToGo() { return complain("the byte to wait for did not come", 2) }
        if request.tellsPID, !tellPID() {
            return complain("the process id could not be written", 3)
        }
        let path = request.command.first ?? []
        let failure = unsafe withCString(path) { file in
            unsafe withCStrings(request.command) { list in
                unsafe withCStrings(Environment.own() + request.environment) {
                    unsafe agent_execve(file, list, $0)
                }
            }
        }
        printLine(2, path + bytes(": ") + errorText(-failure))
        return 127
    }

    /// One byte, 0 or a line feed, says that the window has its size.
    private static func isToldToGo() -> Bool {
        let (byte, count) = readBytes(0, 1)
        return count == 1 && (byte[0] == 0 || byte[0] == 10)
    }

    /// Four bytes, little endian.
    private static func tellPID() -> Bool {
        let pid = UInt32(truncatingIfNeeded: agent_process_id())
        return writeAll(1, (0..<4).map { UInt8(truncatingIfNeeded: pid >> UInt32(8 * $0)) }) == 0
    }
}

func complain(_ text: StaticString, _ status: Int32) -> Int32 {
    printLine(2, bytes("berth-agent: ") + bytes(text))
    return status
}

private struct ConsoleRequest {
    var environment: [[UInt8]] = []
    var waits = false
    var tellsPID = false
    var command: [[UInt8]] = []

    init?(_ arguments: [[UInt8]]) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case bytes("--wait"): waits = true
            case bytes("--pid"): tellsPID = true
            case bytes("--env"):
                guard let variable = rest.popFirst(), variable.contains(UInt8(ascii: "=")),
                    !variable.starts(with: bytes("--"))
                else { return nil }
                environment.append(variable)
            case bytes("--"):
                command = Array(rest)
                guard !command.isEmpty else { return nil }
                return
            default: return nil
            }
        }
        return nil
    }
}
