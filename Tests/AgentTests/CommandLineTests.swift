import Foundation
import Glibc
import Testing

/// The command line of ContainerSSH's agent.
@Suite struct CommandLineTests {
    @Test("without a mode, and with an unknown one, the usage comes with status 1")
    func usage() throws {
        for arguments in [[], ["nonsense"]] {
            let end = try AgentChild.run(arguments)
            #expect(end.status == 1)
            #expect(String(decoding: end.output, as: UTF8.self).contains("usage: berth-agent"))
        }
        for help in ["-h", "--help"] { #expect(try AgentChild.run([help]).status == 0) }
    }

    @Test("license takes no arguments, version tells one")
    func license() throws {
        #expect(try AgentChild.run(["license"]).status == 0)
        #expect(try AgentChild.run(["license", "x"]).status == 1)
        let version = try AgentChild.run(["version"])
        #expect(version.status == 0)
        #expect(String(decoding: version.output, as: UTF8.self) == "berth-agent 1\n")
    }

    @Test("the agent needs nothing but the kernel")
    func isStatic() throws {
        let file = try Data(contentsOf: URL(filePath: AgentChild.path))
        let count = Int(file[56]) | Int(file[57]) << 8
        let offset = (0..<8).reduce(0) { $0 | Int(file[32 + $1]) << (8 * $1) }
        // Program headers of 56 bytes; PT_INTERP is 3, PT_DYNAMIC 2 (elf(5)).
        let kinds = (0..<count).map { Int(file[offset + 56 * $0]) }
        #expect(kinds.contains(1))
        #expect(!kinds.contains(3) && !kinds.contains(2))
    }

    @Test("the agent runs in a file system with nothing else", .enabled(if: getuid() == 0))
    func runsAlone() throws {
        let folder = try TestFolder()
        // Not copied in this process, whose children could hold the new file open.
        #expect(
            try AgentChild.run([AgentChild.path, folder("agent")], program: "/bin/cp").status == 0
        )
        let end = try AgentChild.run(
            [folder.path, "/agent", "version"],
            program: "/usr/sbin/chroot"
        )
        #expect(end.status == 0, "\(end.errors)")
    }

    // MARK: console

    @Test("console becomes the program, with its status and its variables")
    func console() throws {
        let end = try AgentChild.run(
            [
                "console", "--env", "A=1", "--env", "B=x=y", "--", "/bin/sh", "-c",
                "echo $A $B; echo to >&2; cat; exit 7",
            ],
            input: Array("in".utf8)
        )
        #expect(end.status == 7)
        #expect(String(decoding: end.output, as: UTF8.self) == "1 x=y\nin")
        #expect(end.errors == "to\n")
    }

    @Test("--pid tells the program's own process id in four little-endian bytes")
    func consoleTellsPID() throws {
        let child = try AgentChild(["console", "--pid", "--", "/bin/sh", "-c", "echo $$"])
        let output = try child.readAll()
        #expect(try child.end() == 0)
        let told = output.prefix(4).reversed().reduce(0) { $0 << 8 | Int32($1) }
        #expect(told == child.pid)
        #expect(String(decoding: output.dropFirst(4), as: UTF8.self) == "\(child.pid)\n")
    }

    @Test(
        "--wait goes on after one byte, 0 or a line feed, and swallows it",
        arguments: [([0, 65], 0), ([10, 65], 0), ([66, 65], 2), ([], 2)] as [([UInt8], Int32)]
    )
    func consoleWaits(_ input: [UInt8], _ status: Int32) throws {
        let end = try AgentChild.run(["console", "--wait", "--", "/bin/cat"], input: input)
        #expect(end.status == status)
        #expect(end.output == (status == 0 ? [65] : []))
    }

    @Test("console does not search PATH, and says 127 for what cannot be run")
    func consoleCannotRun() throws {
        for program in ["sh", "/nowhere/at/all", "/etc/passwd"] {
            let end = try AgentChild.run(["console", "--", program])
            #expect(end.status == 127)
            #expect(end.errors.hasPrefix(program))
        }
    }

    @Test("a PID that cannot be written is status 3", .enabled(if: getuid() == 0))
    func consoleCannotTell() throws {
        let line = "\"$0\" console --pid -- /bin/true >/dev/full"
        #expect(try AgentChild.run(["-c", line, AgentChild.path], program: "/bin/sh").status == 3)
    }

    @Test(
        "console refuses wrong arguments",
        arguments: [
            ["console"], ["console", "--"], ["console", "--wait"], ["console", "/bin/true"],
            ["console", "--env", "A", "--", "/bin/true"],
            ["console", "--env", "--x=1", "--", "/bin/true"],
            ["console", "--env"], ["console", "--pid=1", "--", "/bin/true"],
        ]
    )
    func consoleRefuses(_ arguments: [String]) throws {
        #expect(try AgentChild.run(arguments).status == 1)
    }

    // MARK: signal

    @Test("signal sends the named signal; the last name counts")
    func signal() throws {
        let victim = try AgentChild(["60"], program: "/bin/sleep")
        let sent = try AgentChild.run([
            "signal", "--signal", "KILL", "--pid", "\(victim.pid)", "--signal", "USR1",
        ])
        #expect(sent.status == 0)
        #expect(try victim.end() == -SIGUSR1)
    }

    @Test(
        "signal refuses wrong arguments with 1, and says 3 for a process that is not there",
        arguments: [
            (["--pid", "1"], 1), (["--signal", "TERM"], 1),
            (["--pid", "x", "--signal", "TERM"], 1),
            (["--pid", "0", "--signal", "TERM"], 1), (["--pid", "-1", "--signal", "TERM"], 1),
            (["--pid", "1", "--signal", "SIGTERM"], 1), (["--pid", "1", "--signal", "WINCH"], 1),
            (["--pid", "1", "--pid", "2", "--signal", "TERM"], 1), (["--pid"], 1),
            (["--pid", "99999999", "--signal", "TERM"], 3),
        ] as [([String], Int32)]
    )
    func signalRefuses(_ arguments: [String], _ status: Int32) throws {
        #expect(try AgentChild.run(["signal"] + arguments).status == status)
    }

    // MARK: wait-signal

    @Test("wait-signal ends with 0 and the message when one of its signals comes")
    func waitSignal() throws {
        let child = try AgentChild([
            "wait-signal", "--signal", "USR1", "--signal", "TERM", "--message", "bye",
        ])
        try Self.waitUntilIdle(child.pid)
        kill(child.pid, SIGUSR1)
        #expect(try child.readAll() == Array("bye".utf8))
        #expect(try child.end() == 0)
        #expect(try AgentChild.run(["wait-signal"]).status == 1)
        #expect(try AgentChild.run(["wait-signal", "--signal", "NO"]).status == 1)
    }

    @Test("as process 1 wait-signal collects orphans", .enabled(if: getuid() == 0))
    func waitSignalReaps() throws {
        let child = try AgentChild(
            [
                "-pf", "--kill-child", "--mount-proc", AgentChild.path, "wait-signal", "--signal",
                "TERM",
            ],
            program: "/usr/bin/unshare"
        )
        let first = try Self.onlyChild(child.pid)
        try Self.waitUntilIdle(first)
        let orphan = try AgentChild.run(
            ["-t", "\(first)", "-p", "-m", "sh", "-c", "(sleep 0.1; :) & exec true"],
            program: "/usr/bin/nsenter"
        )
        #expect(orphan.status == 0)
        try until("orphans are collected") { try Self.children(first).isEmpty }
        kill(first, SIGTERM)
        #expect(try child.end() == 0)
    }

    /// Waits until the agent itself runs there and has nothing to do.
    static func waitUntilIdle(_ pid: Int32) throws {
        try until("the agent waits") {
            let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            return text.contains("Name:\tberth-agent\n") && text.contains("State:\tS")
        }
    }

    static func children(_ pid: Int32) throws -> [Int32] {
        try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
            .split(separator: " ").compactMap { Int32($0) }
    }

    static func onlyChild(_ pid: Int32) throws -> Int32 {
        try until("the child is there") { try children(pid).count == 1 }
        return try #require(try children(pid).first)
    }

    // MARK: write-file

    @Test("write-file makes the folders and leaves a file of mode 0600")
    func writeFile() throws {
        let folder = try TestFolder()
        let end = try AgentChild.run(["write-file", folder("a/b/c")], input: Array("text".utf8))
        #expect(end.status == 0, "\(end.errors)")
        #expect(try folder.text("a/b/c") == "text")
        #expect(try folder.mode("a/b/c") == 0o600)
        #expect(try AgentChild.run(["write-file"]).status == 1)
    }

    @Test("a file is whole or not there, and what was there before stays until then")
    func writeFileIsAtomic() throws {
        let folder = try TestFolder()
        try folder.write("f", "old")
        let child = try AgentChild(["write-file", folder("f")])
        try child.write(Array("new".utf8))
        try until("a second file is written") { try folder.names.count == 2 }
        #expect(try folder.text("f") == "old")
        child.closeInput()
        #expect(try child.end() == 0)
        #expect(try folder.text("f") == "new")
        #expect(try folder.names == ["f"])
    }

    @Test("write-file follows links and leaves devices what they are")
    func writeFileToOthers() throws {
        let folder = try TestFolder()
        try folder.write("goal", "old")
        unsafe symlink("goal", folder("link"))
        #expect(try AgentChild.run(["write-file", folder("link")], input: [65]).status == 0)
        #expect(try folder.text("goal") == "A")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder("link")) == "goal")
        #expect(try AgentChild.run(["write-file", "/dev/null"], input: [65]).status == 0)
        #expect(
            try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type]
                as? FileAttributeType == .typeCharacterSpecial
        )
        let refused = try AgentChild.run(["write-file", folder.path], input: [])
        #expect(refused.status == 1)
        #expect(refused.errors.contains("Is a directory"))
    }
}

/// Waits for a condition.
func until(_ what: String, _ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .milliseconds(AgentChild.limit)
    while ContinuousClock.now < deadline {
        if try condition() { return }
        usleep(2000)
    }
    throw Unexpected(description: "not in time: \(what)")
}
