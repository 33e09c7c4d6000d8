import SharedConfig
import SharedSSH

/// The shell scripts that run inside a container, for a POSIX shell with `cat`, `chmod`, `mkdir`,
/// `mv`, `wc`.
enum Scripts {
    static let shell = "/bin/sh"
    /// What the first process says when it runs.
    static let ready = "berth-ready"

    /// What the container's first process runs: it ends when its input does, which is when nobody
    /// is attached any more. A configured command runs beside that and ends the container too.
    static func idle(_ execution: DockerExecutionConfig) -> [String] {
        let command = execution.idleCommand
        if let agent = ImageAgent(execution), waitsForNothing(execution) { return agent.attached }
        guard !waitsForNothing(execution) else {
            return [shell, "-c", "echo \(ready); while read -r _; do :; done", "berth"]
        }
        let script = """
            echo \(ready)
            exec 3<&0; "$@" </dev/null & main=$!
            trap 'kill -s TERM "$main"' TERM INT
            ( while read -r _; do :; done <&3; kill -s KILL "$main" ) &
            wait "$main"
            """
        return [shell, "-c", script, "berth"] + command
    }

    /// What the first process of a container runs that stays when everybody leaves: it waits for
    /// the end.
    static func lasting(_ execution: DockerExecutionConfig) -> [String] {
        guard waitsForNothing(execution) else { return execution.idleCommand }
        if let agent = ImageAgent(execution) { return agent.waiting }
        return [shell, "-c", "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done"]
    }

    /// Whether the idle command is none, or the guest agent's waiting, which has no use without
    /// the agent's other services.
    static func waitsForNothing(_ execution: DockerExecutionConfig) -> Bool {
        execution.idleCommand.isEmpty || execution.idleCommand.first == execution.agentPath
    }

    /// Runs `command`, saying its process id on a line of its own first.
    static func program(_ command: [String], terminal: WindowSize?) -> [String] {
        var script = "echo \"\(ProcessLine.mark)$$\"; exec \"$@\""
        if let terminal {
            // An image without stty gets its size a moment later, by the engine's resize.
            script =
                "stty rows \(terminal.rows) cols \(terminal.columns) 2>/dev/null; " + script
        }
        return [shell, "-c", script, "berth"] + command
    }

    /// Signals the process group, or where there is none the process.
    static func signal(_ name: String, process: Int) -> [String] {
        let script = #"kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2""#
        return [shell, "-c", script, "berth", name, "\(process)"]
    }

    /// Writes its input to a file beside `path` and moves that over it when it is complete.
    static func putFile(_ path: String, size: Int, mode: UInt32) -> [String] {
        let script = """
            umask 077
            case "$1" in */*) mkdir -p "${1%/*}/" || exit 1;; esac
            part="$1.berth-$$"
            cat >"$part" && test "$(wc -c <"$part")" -eq "$2" && chmod "$3" "$part" \
            && mv -f "$part" "$1" && exit 0
            rm -f "$part"; exit 1
            """
        let digits = String(mode & 0o7777, radix: 8)
        return [shell, "-c", script, "berth", path, "\(size)", digits]
    }

    static func changeMode(_ digits: String, of path: String) -> [String] {
        [shell, "-c", #"exec chmod "$1" "$2""#, "berth", digits, path]
    }
}

/// How a program's process id is told at the beginning of its output.
protocol ProcessReport {
    mutating func take(_ more: some Sequence<UInt8>) -> ProcessLine.Answer

    /// What has come so far, as far as it is of use in a message.
    var text: String { get }
}

/// The first line of a program's output, which is ours.
struct ProcessLine: ProcessReport {
    static let mark = "berth-process "
    /// An engine that cannot start the program writes its reasons in its place.
    private static let longest = 4096

    enum Answer: Equatable {
        case unfinished
        case process(Int, rest: [UInt8])
        /// Something else came; this is how it begins.
        case foreign(String)
    }

    private var bytes: [UInt8] = []

    mutating func take(_ more: some Sequence<UInt8>) -> Answer {
        bytes += more
        guard let end = bytes.firstIndex(of: 0x0A) else {
            return bytes.count < Self.longest ? .unfinished : foreign
        }
        var line = String(decoding: bytes[..<end], as: UTF8.self)
        if line.hasSuffix("\r") { line.removeLast() }
        guard line.hasPrefix(Self.mark), let number = Int(line.dropFirst(Self.mark.count)),
            number > 0
        else { return foreign }
        return .process(number, rest: Array(bytes[(end + 1)...]))
    }

    private var foreign: Answer { .foreign(text) }

    var text: String { String(decoding: bytes.prefix(Self.longest), as: UTF8.self) }
}
