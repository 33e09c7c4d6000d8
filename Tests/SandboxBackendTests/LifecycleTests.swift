import BackendConformance
import Foundation
import GatewayCore
import Glibc
import Logging
import NIOCore
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import SandboxBackend

@Suite(
    "A sandbox lives as long as its connection",
    .enabled(if: SandboxHost.isAble, SandboxHost.reason)
)
struct LifecycleTests {
    @Test("a gateway killed in the middle leaves no process, and the next one removes its groups")
    func diesWithGateway() async throws {
        let state = SandboxFixture.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: state) }
        let id = ConformanceSubject.newConnectionID()
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [state = state as String, id = id as String] in
            let backend = try SandboxFixture.backend(state: state)
            let workspace = try await SandboxFixture.subject(backend, state).open(id)
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec("setsid sleep 1000 & trap '' TERM HUP; echo ready; sleep 1000")
                )
            )
            _ = try await program.read(until: "ready")
            guard Leftovers.find(id, state: state).contains(where: { $0.hasPrefix("process") })
            else { Glibc.exit(3) }
            kill(getpid(), SIGKILL)
        }
        try await eventually(.seconds(10), "its processes are gone") {
            !Leftovers.find(id, state: state).contains { $0.hasPrefix("process") }
        }
        #expect(!Leftovers.find(id, state: state).isEmpty)
        try await SandboxFixture.backend(state: state).check()
        #expect(Leftovers.find(id, state: state) == [])
        try await eventually(.seconds(10), "both gateways' folders are gone") {
            try FileManager.default.contentsOfDirectory(atPath: state + "/instances") == []
        }
    }

    @Test("a sweep leaves a living gateway's sandboxes alone")
    func sparesTheLiving() async throws {
        try await SandboxFixture.with { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                try await SandboxFixture.backend(state: fixture.state).check()
                #expect(!Leftovers.find(id, state: fixture.state).isEmpty)
                let seen = try await workspace.run("echo alive").output
                #expect(seen == "alive\n")
            }
        }
    }

    @Test("fifty sandboxes at once work and leave nothing")
    func startsManyAtOnce() async throws {
        try await SandboxFixture.with { fixture in
            let clock = ContinuousClock()
            let began = clock.now
            let ids = (0..<50).map { _ in ConformanceSubject.newConnectionID() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids {
                    group.addTask {
                        let done = try await fixture.subject.withWorkspace(connectionID: id) {
                            try await $0.run("echo \(id) >~/id; cat ~/id")
                        }
                        #expect(done.output == id + "\n")
                    }
                }
                try await group.waitForAll()
            }
            print("measured: 50 sandboxes at once, opened, used and closed:", clock.now - began)
            for id in ids { #expect(Leftovers.find(id, state: fixture.state) == []) }
        }
    }

    @Test("opening, using and closing a sandbox leaves no descriptor open")
    func leaksNoDescriptor() async throws {
        let state = SandboxFixture.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: state) }
        // In a process of its own, where no other test opens any.
        await #expect(processExitsWith: .success) { [state = state as String] in
            let subject = SandboxFixture.subject(try SandboxFixture.backend(state: state), state)
            func useOnce() async throws {
                try await subject.withWorkspace { workspace in
                    _ = try await workspace.run("echo out; echo err >&2", input: "in")
                    let terminal = PTYRequest(term: "vt100", size: WindowSize(columns: 9, rows: 9))
                    let program = try await workspace.start(
                        ProgramRequest(kind: .exec("echo tty"), pty: terminal)
                    )
                    _ = try await program.finish()
                    await program.terminate()
                    let left = try await workspace.start(ProgramRequest(kind: .exec("sleep 100")))
                    try await left.write(.init(string: "unread"))
                }
            }
            func openCount() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            }
            try await useOnce()
            let before = try openCount()
            for _ in 0..<10 { try await useOnce() }
            try await eventually(.seconds(10), "as few are open as before") {
                try openCount() <= before
            }
        }
    }

    @Test("the times of one sandbox are printed")
    func measuresStart() async throws {
        try await SandboxFixture.with { fixture in
            let clock = ContinuousClock()
            var open: [Duration] = []
            var first: [Duration] = []
            var second: [Duration] = []
            var close: [Duration] = []
            for _ in 0..<20 {
                let began = clock.now
                let workspace = try await fixture.subject.open(ConformanceSubject.newConnectionID())
                let opened = clock.now
                _ = try await workspace.run("true")
                let ran = clock.now
                _ = try await workspace.run("true")
                let again = clock.now
                await workspace.close()
                open.append(opened - began)
                first.append(ran - opened)
                second.append(again - ran)
                close.append(clock.now - again)
            }
            for (what, times) in [
                ("open", open), ("first program", first), ("second program", second),
                ("close", close),
            ] {
                print("measured:", what, "median", times.sorted()[times.count / 2])
            }
            #expect(open.count == 20)
        }
    }

    @Test("the speed of the pipes is printed")
    func measuresPipes() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let total = 512 << 20
                let program = try await workspace.start(
                    ProgramRequest(kind: .exec("exec head -c \(total) /dev/zero"))
                )
                let began = ContinuousClock.now
                var count = 0
                while let piece = try await program.nextOutput() {
                    count += piece.bytes.readableBytes
                }
                let seconds = (ContinuousClock.now - began) / .seconds(1)
                print("measured: output", Int(Double(total) / seconds / 1e6), "MB/s")
                #expect(count == total)
                await program.terminate()
            }
        }
    }

    @Test("a sandbox that ends under a program tells whoever waits")
    func reportsDeath() async throws {
        try await SandboxFixture.with { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("sleep 1000")))
                let group = try #require(Leftovers.groups(id).first)
                for process in Leftovers.processes(in: group) {
                    kill(pid_t(process.split(separator: " ").last ?? "") ?? -1, SIGKILL)
                }
                let error = await #expect(throws: CodedError.self) { try await program.exit() }
                #expect(error?.code == .sandboxEnded)
                let seen = try await program.nextOutput()
                #expect(seen == nil)
                await program.terminate()
            }
        }
    }

    @Test("a file that does not fit is refused with a code, and leaves nothing half-written")
    func refusesFileThatDoesNotFit() async throws {
        try await SandboxFixture.with({ $0.home.size = 1 << 20 }) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let file = WorkspaceFile(
                    path: "/tmp/big",
                    content: [UInt8](repeating: 1, count: 2 << 20)
                )
                let error = await #expect(throws: CodedError.self) {
                    try await workspace.putFile(file)
                }
                #expect(error?.code == .sandboxFileFailed)
                let seen = try await workspace.run("ls -A /tmp").output
                #expect(seen == "")
            }
        }
    }
}

@Suite("A machine that cannot make sandboxes says why")
struct UnavailableTests {
    @Test("a missing bubblewrap is named")
    func namesMissingBubblewrap() {
        let error = #expect(throws: CodedError.self) {
            try SandboxFixture.backend(state: SandboxFixture.temporaryFolder()) {
                $0.bubblewrap = "/nonexistent/bwrap"
            }
        }
        #expect(error?.code == .sandboxUnavailable)
        #expect(error?.detail.contains("/nonexistent/bwrap") == true)
    }

    @Test(
        "a refusal of the kernel reaches the operator",
        .enabled(if: SandboxHost.isAble, SandboxHost.reason)
    )
    func passesOnRefusal() async throws {
        let folder = SandboxFixture.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = folder + "/bwrap"
        try Data(
            "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n".utf8
        )
        .write(to: URL(fileURLWithPath: script))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let backend = try SandboxFixture.backend(state: folder + "/state") {
            $0.bubblewrap = script
        }
        let error = await #expect(throws: CodedError.self) { try await backend.check() }
        #expect(error?.code == .sandboxUnavailable)
        #expect(error?.detail.contains("No permissions to create new namespace") == true)
        #expect(error?.personText?.contains("bwrap") == false)
    }

    @Test("the reasons that a kernel's settings give are added")
    func explainsSettings() {
        let text = KernelAdvice.explain("bwrap: Can't mount proc on /newroot/proc") { name in
            name == "user/max_user_namespaces" ? "0" : "1"
        }
        #expect(text.contains("user.max_user_namespaces is 0"))
        #expect(text.contains("AppArmor"))
        #expect(text.contains("/proc is partly hidden"))
        #expect(KernelAdvice.explain("bwrap: x") { _ in nil } == "bwrap: x")
    }

    @Test("root is refused as the user of sandboxes", arguments: ["0", "root"])
    func refusesRoot(_ user: String) throws {
        guard geteuid() == 0 else { return }
        #expect(throws: CodedError.self) { try HostIdentity(user: user) }
    }
}
