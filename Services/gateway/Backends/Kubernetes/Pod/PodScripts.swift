import GuestAgent
import SharedConfig
import SharedSSH

/// The shell scripts that run inside a pod, for a POSIX shell with `cat`, `chmod`, `head`, `ln`,
/// `mkdir`, `mv`, `wc`.
enum PodScripts {
    static let shell = "/bin/sh"
    /// Said to a first process that waits for the agent, which then is there.
    static let go = "berth-go"
    /// Where the agent's folder may be, the best first.
    static let folders = [AgentFiles.root, "/tmp/.berth"]

    /// Waits for the word and becomes the agent. A shell reads a pipe byte by byte, so that all
    /// behind the word is the agent's.
    static let becomeAgent = [
        shell, "-c",
        "while read -r word; do test \"$word\" = \(go) && \(execute(AgentFiles.root)); done",
    ]

    /// Becomes the agent that is there; ends at once where there is none.
    static let joinAgent = [
        shell, "-c",
        "test -x \(folders[0])/agent && \(execute(folders[0])); "
            + "test -O \(folders[1])/agent && \(execute(folders[1])); exit 127",
    ]

    /// The agent's own programs come last in PATH.
    private static func execute(_ folder: String) -> String {
        "{ PATH=\"$PATH:\(folder)/bin\"; export PATH; exec \(folder)/agent init; }"
    }

    /// Ends when its input does. A configured command runs beside that and ends the container too.
    static func idle(_ pod: KubernetesPodConfig) -> [String] {
        guard !waitsForNothing(pod) else {
            return [shell, "-c", "while read -r _; do :; done"]
        }
        let script = """
            exec 3<&0; "$@" </dev/null & main=$!
            trap 'kill -s TERM "$main"' TERM INT
            ( while read -r _; do :; done <&3; kill -s KILL "$main" ) &
            wait "$main"
            """
        return [shell, "-c", script, "berth"] + pod.idleCommand
    }

    /// Waits for the end, whoever comes and goes.
    static func lasting(_ pod: KubernetesPodConfig) -> [String] {
        guard waitsForNothing(pod) else { return pod.idleCommand }
        return [shell, "-c", "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done"]
    }

    /// Whether the idle command is none, or the guest agent's waiting, which has no use without
    /// the agent's other services.
    static func waitsForNothing(_ pod: KubernetesPodConfig) -> Bool {
        pod.idleCommand.isEmpty || pod.idleCommand.first == pod.agentPath
    }

    /// Takes the agent's program from its input, into the first of `folders` that it can have for
    /// itself, and says which.
    static func takeAgent(size: Int) -> [String] {
        let script = """
            for folder in \(folders.joined(separator: " ")); do
              mkdir -m 755 "$folder" 2>/dev/null || test -w "$folder" || continue
              test "$folder" = \(AgentFiles.root) || test -O "$folder" || continue
              part="$folder/agent.$$"
              head -c "$1" >"$part" && test "$(wc -c <"$part")" -eq "$1" && chmod 755 "$part" \
              && mv -f "$part" "$folder/agent" && mkdir -p "$folder/bin" || exit 1
              for name in scp sftp-server; do ln -sf ../agent "$folder/bin/$name"; done
              echo "$folder"; exit 0
            done
            exit 1
            """
        return [shell, "-c", script, "berth", "\(size)"]
    }

    /// Runs `command` with more variables, saying its process id on a line of its own first.
    static func program(
        _ command: [String],
        environment: [String],
        terminal: WindowSize?
    ) -> [String] {
        var script = #"while test "$1" != --; do export "$1"; shift; done; shift; "#
        if let terminal {
            // An image without stty gets its size a moment later.
            script += "stty rows \(terminal.rows) cols \(terminal.columns) 2>/dev/null; "
        }
        script += "echo \"\(ProcessLine.mark)$$\"; exec \"$@\""
        return [shell, "-c", script, "berth"] + environment + ["--"] + command
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
            head -c "$2" >"$part" && test "$(wc -c <"$part")" -eq "$2" && chmod "$3" "$part" \
            && mv -f "$part" "$1" && exit 0
            rm -f "$part"; exit 1
            """
        let digits = String(mode & 0o7777, radix: 8)
        return [shell, "-c", script, "berth", path, "\(size)", digits]
    }

    /// Whether a shell can export it.
    static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            default: false
            }
        }
    }
}

/// The first line of a program's output, which is ours.
struct ProcessLine {
    static let mark = "berth-process "
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
            return bytes.count < Self.longest ? .unfinished : .foreign(text)
        }
        var line = String(decoding: bytes[..<end], as: UTF8.self)
        if line.hasSuffix("\r") { line.removeLast() }
        guard line.hasPrefix(Self.mark), let number = Int(line.dropFirst(Self.mark.count)),
            number > 0
        else { return .foreign(text) }
        return .process(number, rest: Array(bytes[(end + 1)...]))
    }

    /// What has come so far, as far as it is of use in a message.
    var text: String { String(decoding: bytes.prefix(Self.longest), as: UTF8.self) }
}
