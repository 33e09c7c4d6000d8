import Glibc
import Testing

/// HELLO, the end, and process 1.
@Suite struct LifecycleTests {
    @Test("a HELLO is answered with version, window and process id; nothing comes before it")
    func greeting() throws {
        let gateway = try FakeGateway(greets: false)
        try gateway.send(hello(version: 9, window: 123_456))
        let answer = try gateway.next()
        #expect(answer.kind == Kind.hello && answer.id == 0)
        #expect(Array(answer.body.prefix(13)) == Array("BERTH-AGENT".utf8) + [0, 2])
        #expect(answer.number(at: 13) == 123_456)
        #expect(Int32(answer.number(at: 17)) == gateway.child.pid)
    }

    @Test("a gateway without a version of ours gets version 0, and status 1")
    func noVersion() throws {
        let gateway = try FakeGateway(greets: false)
        try gateway.send(hello(version: 0))
        #expect(number16(try gateway.next().body[11..<13]) == 0)
        #expect(try gateway.child.end() == 1)
    }

    @Test("when the gateway is gone its programs are told, killed if need be, and the agent ends")
    func gatewayGone() throws {
        let gateway = try FakeGateway()
        let polite = try gateway.start(.shell("trap 'exit 0' HUP; while :; do sleep 0.01; done"))
        let stubborn = try gateway.start(.shell("trap '' HUP TERM; while :; do sleep 0.01; done"))
        gateway.child.closeInput()
        #expect(try gateway.child.end() == 0)
        for pid in [polite.pid, stubborn.pid] { #expect(ProgramTests.isGone(pid)) }
    }

    @Test("SIGTERM ends programs, tells how they ended, and ends the agent")
    func terminated() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(
            .shell("trap 'echo asked; exit 6' TERM; echo ready; while :; do sleep 0.01; done")
        )
        _ = try gateway.read(program.id, until: "ready")
        kill(gateway.child.pid, SIGTERM)
        let outcome = try gateway.collect(program.id)
        #expect(outcome.text.contains("asked") && outcome.exit?.number == 6)
        #expect(try gateway.child.end() == 0)
    }

    @Test("a shell that somebody types to ends too when the agent is to end")
    func terminatedShell() throws {
        let gateway = try FakeGateway()
        var start = Start("bash", "--norc", "-i")
        start.terminal = (80, 24)
        let program = try gateway.start(start)
        try gateway.write(program.id, "echo rea''dy\n")
        _ = try gateway.read(program.id, until: "ready")
        kill(gateway.child.pid, SIGTERM)
        let exit = try gateway.collect(program.id).exit
        #expect(exit?.number == UInt32(SIGHUP) || exit?.number == 129, "\(exit as Any)")
        #expect(try gateway.child.end() == 0)
    }

    @Test("an agent that waits for its HELLO ends with the stream and with SIGTERM")
    func waiting() throws {
        let first = try FakeGateway(greets: false)
        first.child.closeInput()
        #expect(try first.child.end() == 0)
        let second = try FakeGateway(greets: false)
        try CommandLineTests.waitUntilIdle(second.child.pid)
        kill(second.child.pid, SIGTERM)
        #expect(try second.child.end() == 0)
    }

    @Test("as process 1 it collects orphans, and all end with it", .enabled(if: getuid() == 0))
    func processOne() throws {
        let gateway = try FakeGateway(
            program: "/usr/bin/unshare",
            arguments: ["-pf", "--mount-proc", AgentChild.path, "init"]
        )
        let agent = try CommandLineTests.onlyChild(gateway.child.pid)
        let outcome = try gateway.run(.shell("(exec 0<&- 1>&- 2>&-; sleep 0.05) & exit 0"))
        #expect(outcome.exit?.number == 0)
        try until("orphans are collected") { try CommandLineTests.children(agent).isEmpty }
        _ = try gateway.run(.shell("setsid sleep 1000 >/dev/null 2>&1 </dev/null & exit 0"))
        try until("the orphan is there") { try CommandLineTests.children(agent).count == 1 }
        let orphan = try #require(try CommandLineTests.children(agent).first)
        gateway.child.closeInput()
        #expect(try gateway.child.end() == 0)
        try until("the orphan is gone") { ProgramTests.isGone(orphan) }
    }

    @Test("more than 1024 ids at a time are FAILED, and free ones work again")
    func tooMany() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        var ids: [UInt32] = []
        for number in 0..<1024 {
            ids.append(gateway.newID())
            try gateway.send(Kind.writeFile, ids[number], string(folder("\(number)")) + u32(0o600))
        }
        try gateway.checkAlive()
        let beyond = gateway.newID()
        try gateway.send(Kind.start, beyond, Start("true").body)
        #expect(try gateway.expectFailure(beyond) == EMFILE)
        try gateway.send(Kind.close, ids[0])
        try gateway.expect(Kind.close, ids[0])
        #expect(try gateway.run(Start("true")).exit?.number == 0)
    }

    @Test("more than 4096 variables are FAILED")
    func tooManyStrings() throws {
        let gateway = try FakeGateway()
        var start = Start("true")
        start.environment = (0..<4097).map { "V\($0)=1" }
        let id = gateway.newID()
        try gateway.send(Kind.start, id, start.body)
        #expect(try gateway.expectFailure(id) == E2BIG)
        start.environment.removeLast()
        #expect(try gateway.run(start).exit?.number == 0)
    }

    @Test("200 programs one after the other leave nothing behind")
    func noLeak() throws {
        let gateway = try FakeGateway()
        _ = try gateway.run(Start("true"))
        let before = try gateway.child.openDescriptors()
        for _ in 0..<200 { #expect(try gateway.run(Start("true")).exit?.number == 0) }
        try gateway.checkAlive()
        #expect(try gateway.child.openDescriptors() == before)
    }
}
