import CAgent

/// The agent inside a container; see docs/agent-protocol.md, and `berth-agent --help`.
@main struct Agent {
    static func main() {
        var arguments: [[UInt8]] = []
        while let argument = unsafe bytes(cString: agent_argument(Int32(arguments.count))) {
            arguments.append(argument)
        }
        agent_exit(run(called(arguments)))
    }

    /// Called as `scp` or `sftp-server`, it acts as that: both are links to it.
    private static func called(_ arguments: [[UInt8]]) -> [[UInt8]] {
        guard let first = arguments.first else { return [] }
        let start = first.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let name = Array(first[start...])
        let rest = Array(arguments.dropFirst())
        return name == bytes("scp") || name == bytes("sftp-server") ? [name] + rest : rest
    }

    private static func run(_ arguments: [[UInt8]]) -> Int32 {
        guard let mode = arguments.first else { return usage(1) }
        let rest = Array(arguments.dropFirst())
        switch mode {
        case bytes("init"): return InitServer().run(at: rest.first)
        case bytes("console"): return ConsoleMode.run(rest)
        case bytes("signal"): return SignalMode.run(rest)
        case bytes("wait-signal"): return WaitSignalMode.run(rest)
        case bytes("write-file"): return WriteFileMode.run(rest)
        case bytes("install"): return InstallMode.run(rest)
        case bytes("sftp-server"): return SftpMode.run(rest)
        case bytes("forward-server"): return ForwardServer().run()
        case bytes("scp"): return ScpMode.run(rest)
        case bytes("license"): return license(rest)
        case bytes("version"): return version()
        case bytes("-h"), bytes("--help"): return usage(0)
        default: return usage(1)
        }
    }

    private static func usage(_ status: Int32) -> Int32 {
        printLine(
            1,
            bytes(
                """
                usage: berth-agent MODE [OPTIONS]

                  init [SOCKET]                             serve Berth's gateway on stdin and stdout, or
                                                            on a socket that it listens on
                  console [--env N=V]… [--wait] [--pid] -- PROGRAM [ARGUMENT…]
                                                            run a program in place of the agent
                  signal --pid N --signal NAME              send a signal
                  wait-signal --signal NAME… [--message T]  wait for a signal, collect orphans
                  write-file PATH                           write stdin to a file, whole or not at all
                  install FOLDER                            copy the agent and its links into a folder
                  forward-server                            forward connections, CBOR on stdin and stdout
                  sftp-server                               the SFTP subsystem
                  scp …                                     scp's other end, as scp calls it
                  license, version, --help
                """
            )
        )
        return status
    }

    private static func license(_ rest: [[UInt8]]) -> Int32 {
        guard rest.isEmpty else { return 1 }
        printLine(1, bytes("berth-agent is part of Berth and comes under Berth's license."))
        return 0
    }

    private static func version() -> Int32 {
        printLine(1, bytes("berth-agent 1"))
        return 0
    }
}
