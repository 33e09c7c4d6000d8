import Foundation
import Glibc
import Testing

/// START and what follows.
@Suite struct ProgramTests {
    @Test("a program has its input, its two outputs and its status")
    func plain() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(.shell("cat; echo e >&2; exit 3"))
        try gateway.write(program.id, "hello")
        try gateway.end(program.id)
        let outcome = try gateway.collect(program.id)
        #expect(outcome.text == "hello")
        #expect(outcome.errorText == "e\n")
        #expect(outcome.exit?.kind == 0 && outcome.exit?.number == 3)
        #expect(outcome.ended.sorted() == [1, 2])
    }

    @Test("input may follow START at once")
    func pipelined() throws {
        let gateway = try FakeGateway()
        let id = gateway.newID()
        let bytes =
            Frame(kind: Kind.start, id: id, body: Start("cat").body).bytes
            + Frame(kind: Kind.data, id: id, body: [0, 65]).bytes
            + Frame(kind: Kind.end, id: id, body: [0]).bytes
        try gateway.child.write(bytes)
        try gateway.expect(Kind.started, id)
        #expect(try gateway.collect(id).text == "A")
    }

    @Test("the signal that ended a program is told")
    func signalled() throws {
        let gateway = try FakeGateway()
        let outcome = try gateway.run(.shell("kill -USR1 $$"))
        #expect(outcome.exit?.kind == 1 && outcome.exit?.number == UInt32(SIGUSR1))
    }

    @Test("STARTED tells the process id, which leads a group and a session of its own")
    func processID() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(.shell("cut -d ' ' -f 1,5,6 /proc/$$/stat"))
        let pid = program.pid
        #expect(try gateway.collect(program.id).text == "\(pid) \(pid) \(pid)\n")
    }

    @Test("variables are added to the agent's, the last of a name wins")
    func environment() throws {
        let gateway = try FakeGateway()
        var start = Start.shell("echo $A $B ${PATH:+path}")
        start.environment = ["A=1", "B=2", "A=3", "nonsense", "=x"]
        #expect(try gateway.run(start).text == "3 2 path\n")
    }

    @Test("variables can replace the agent's")
    func replacedEnvironment() throws {
        let gateway = try FakeGateway()
        var start = Start("/usr/bin/env")
        start.environment = ["ONLY=this"]
        start.replacesEnvironment = true
        #expect(try gateway.run(start).text == "ONLY=this\n")
    }

    @Test("the folder is the program's, or / where it does not exist")
    func folder() throws {
        let gateway = try FakeGateway()
        var start = Start("pwd")
        start.folder = "/usr"
        #expect(try gateway.run(start).text == "/usr\n")
        start.folder = "/not/there"
        #expect(try gateway.run(start).text == "/\n")
    }

    @Test("argument 0 is what was given, not the program's name")
    func argumentZero() throws {
        let gateway = try FakeGateway()
        var start = Start("-name", "-c", "echo $0")
        start.program = "/bin/sh"
        #expect(try gateway.run(start).text == "-name\n")
    }

    @Test(
        "what cannot be started is FAILED with the errno",
        arguments: [
            ("no-such-program", ENOENT), ("/no/such/program", ENOENT), ("/etc/passwd", EACCES),
            ("/etc", EACCES), ("", ENOENT),
        ]
    )
    func cannotStart(_ name: String, _ code: Int32) throws {
        let gateway = try FakeGateway()
        let id = gateway.newID()
        var start = Start(name)
        start.program = name
        try gateway.send(Kind.start, id, start.body)
        #expect(try gateway.expectFailure(id) == code)
        // What was under way for it is nobody's.
        try gateway.write(id, "x")
        try gateway.end(id)
        try gateway.checkAlive()
    }

    @Test("PATH is that of the program's own variables")
    func searchPath() throws {
        let folder = try TestFolder()
        try folder.write("mine", "#!/bin/sh\necho found\n")
        unsafe chmod(folder("mine"), 0o755)
        let gateway = try FakeGateway()
        var start = Start("mine")
        start.environment = ["PATH=/nowhere:\(folder.path)"]
        #expect(try gateway.run(start).text == "found\n")
    }

    @Test("programs run side by side")
    func many() throws {
        let gateway = try FakeGateway()
        let programs = try (0..<20).map { _ in try gateway.start(Start("cat")) }
        for (number, program) in programs.enumerated().reversed() {
            try gateway.write(program.id, "number \(number)")
            try gateway.end(program.id)
        }
        for (number, program) in programs.enumerated() {
            #expect(try gateway.collect(program.id).text == "number \(number)")
        }
    }

    @Test("descriptors of one program do not leak into another")
    func noLeaks() throws {
        let gateway = try FakeGateway()
        let other = try gateway.start(Start("cat"))
        #expect(try gateway.run(Start("ls", "/proc/self/fd")).text == "0\n1\n2\n3\n")
        try gateway.end(other.id)
        #expect(try gateway.collect(other.id).exit?.number == 0)
    }

    @Test("a program has the limits that the agent was started with")
    func limits() throws {
        let gateway = try FakeGateway(
            program: "/bin/sh",
            arguments: ["-c", "ulimit -Sn 100; exec \"$0\" init", AgentChild.path]
        )
        #expect(try gateway.run(.shell("ulimit -Sn")).text == "100\n")
        // Which bind programs, not the agent.
        let programs = try (0..<60).map { _ in try gateway.start(Start("cat")) }
        for program in programs { try gateway.end(program.id) }
        for program in programs { #expect(try gateway.collect(program.id).exit?.number == 0) }
    }

    // MARK: Ends

    @Test("output that children hold open goes on after EXITED")
    func heldOutput() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(.shell("exec 3<&0; (read line <&3; echo $line) & exit 5"))
        #expect(try gateway.expect(Kind.exited, program.id).number(at: 1) == 5)
        try gateway.write(program.id, "late\n")
        #expect(try gateway.collect(program.id).text == "late\n")
    }

    @Test("what a program does not read is dropped, and its window given back")
    func closedInput() throws {
        let gateway = try FakeGateway(window: 8192)
        gateway.givesWindow = false
        let program = try gateway.start(.shell("exec 0</dev/null; echo ready; read x </dev/stderr"))
        _ = try gateway.read(program.id, until: "ready")
        var given = 0
        for _ in 0..<10 {
            try gateway.send(Kind.data, program.id, [0] + [UInt8](repeating: 1, count: 4096))
            given -= 4096
            while given < 0 {
                let frame = try gateway.next(about: program.id)
                if frame.kind == Kind.window { given += Int(frame.number(at: 1)) }
            }
        }
        try gateway.send(Kind.kill, program.id)
        #expect(try gateway.collect(program.id).exit?.number == UInt32(SIGKILL))
    }

    @Test("CLOSE by the gateway kills, and is answered after EXITED")
    func closeKills() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(.shell("trap '' HUP TERM; sleep 100"))
        try gateway.send(Kind.close, program.id)
        let outcome = try gateway.collect(program.id)
        #expect(outcome.exit?.number == UInt32(SIGKILL))
        try until("the process is gone") { kill(program.pid, 0) != 0 }
    }

    @Test("KILL ends a whole group")
    func killGroup() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(.shell("sleep 100 & echo $!; wait"))
        let text = try gateway.read(program.id, until: "\n")
        let child = try #require(Int32(text.dropLast()))
        try gateway.send(Kind.kill, program.id)
        _ = try gateway.collect(program.id)
        try until("the child is gone") { Self.isGone(child) }
    }

    @Test("a signal reaches the whole group; unknown names are ignored")
    func signalGroup() throws {
        let gateway = try FakeGateway()
        let line =
            "sh -c 'trap \"echo child; exit\" USR1; echo c; while :; do sleep 0.01; done' & "
            + "trap 'wait; echo parent; exit 0' USR1; echo p; while :; do sleep 0.01; done"
        let program = try gateway.start(.shell(line))
        var seen = ""
        while !(seen.contains("c\n") && seen.contains("p\n")) {
            seen += try gateway.read(program.id, until: "\n")
        }
        try gateway.send(Kind.signal, program.id, string("NONSENSE"))
        try gateway.send(Kind.signal, program.id, string("USR1"))
        let outcome = try gateway.collect(program.id)
        #expect(outcome.text.contains("child") && outcome.text.contains("parent"))
        #expect(outcome.exit?.number == 0)
    }

    static func isGone(_ pid: Int32) -> Bool {
        guard kill(pid, 0) == 0 else { return true }
        let facts = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return facts.isEmpty || facts.contains(") Z ")
    }

    @Test("a program of the agent's own user sees neither its descriptors nor its memory")
    func hidden() throws {
        let folder = try TestFolder()
        unsafe chmod(folder.path, 0o755)
        try FileManager.default.copyItem(atPath: AgentChild.path, toPath: folder("agent"))
        let gateway = try FakeGateway(
            program: "/usr/bin/setpriv",
            arguments: [
                "--reuid=65534", "--regid=65534", "--clear-groups", folder("agent"), "init",
            ]
        )
        let agent = gateway.child.pid
        let script = """
            id -u; ls /proc/\(agent)/fd; head -c 1 /proc/\(agent)/maps
            true > /proc/\(agent)/mem; ls /proc/$$/fd >/dev/null && echo own
            """
        let outcome = try gateway.run(.shell(script))
        #expect(outcome.text == "65534\nown\n")
        #expect(outcome.errorText.contains("ermission denied"))
    }
}
