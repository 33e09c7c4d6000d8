import BackendConformance
import BackendPool
import Foundation
import GatewayCore
import Glibc
import InMemoryLogging
import Logging
import NIOCore
import SharedConfig
import SharedImages
import SharedMessages
import SharedSSH
import Testing

@testable import OCIBackend

@Suite(
    "A container lives as long as its connection",
    .enabled(if: OCIMachine.isAble, OCIMachine.reason)
)
struct OCILifecycleTests {
    @Test("a gateway killed in the middle leaves no container, and the next one its folders")
    func diesWithGateway() async throws {
        let folder = try OCIFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let id = ConformanceSubject.newConnectionID()
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [folder = folder as String, id = id as String] in
            let fixture = try OCIFixture.make(in: folder)
            let workspace = try await fixture.subject.open(id)
            _ = try await workspace.start(ProgramRequest(kind: .exec("sleep 1000")))
            kill(getpid(), SIGKILL)
        }
        let next = try OCIFixture.make(in: folder)
        let host = try next.keeper.host(for: next.config)
        try await eventually(.seconds(90), "the left-overs go") {
            await host.sweep()
            return OCILeftovers.find(id, state: folder + "/state").isEmpty
        }
        #expect(OCILeftovers.names(folder + "/state/instances").count == 1)
    }

    @Test("a container whose processes are killed tells whoever waits, and leaves nothing")
    func reportsDeath() async throws {
        try await OCIFixture.with { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("sleep 1000")))
                let group = try #require(OCILeftovers.groups(id).first)
                for process in OCILeftovers.processes(in: group) {
                    kill(pid_t(process.split(separator: " ").last ?? "") ?? -1, SIGKILL)
                }
                let error = await #expect(throws: CodedError.self) { try await program.exit() }
                #expect(error?.code == .agentLost)
            }
            #expect(OCILeftovers.find(id, state: fixture.folder + "/state") == [])
        }
    }

    @Test("an agent that does not react is killed within the stop timeout")
    func killsFrozenAgent() async throws {
        try await OCIFixture.with({ $0.timeouts.stop = .seconds(2) }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            let workspace = try await fixture.subject.open(id)
            let group = try #require(OCILeftovers.groups(id).first)
            for process in OCILeftovers.processes(in: group) {
                kill(pid_t(process.split(separator: " ").last ?? "") ?? -1, SIGSTOP)
            }
            let began = ContinuousClock.now
            await workspace.close()
            // For ever, if nobody killed it.
            #expect(ContinuousClock.now - began < .seconds(90))
            #expect(OCILeftovers.find(id, state: fixture.folder + "/state") == [])
        }
    }

    @Test("every runtime of this machine runs containers", arguments: OCIMachine.runtimes)
    func runsWith(_ runtime: String) async throws {
        try await OCIFixture.with({ $0.runtime = runtime }) { fixture in
            let seen = try await fixture.subject.withWorkspace { workspace in
                try await workspace.run("id -u; hostname").output
            }
            #expect(seen == "0\ncontainer\n")
        }
    }

    @Test("a layer in use stays when its image is removed, until the container is gone")
    func keepsLayers() async throws {
        try await OCIFixture.with { fixture in
            let store = try ImageStore(path: fixture.config.imageDirectory)
            let name = try #require(ImageName(OCIFixture.image))
            try await fixture.subject.withWorkspace { workspace in
                let waiting = try store.remove(name)
                #expect(waiting == 1)
                let seen = try await workspace.run("ls /bin | grep -c sh").exit
                #expect(seen == .status(0))
            }
            try await eventually(.seconds(90), "the layer goes") { try store.collect() == 0 }
            let error = await #expect(throws: CodedError.self) {
                try await fixture.subject.open(ConformanceSubject.newConnectionID())
            }
            #expect(error?.code == .ociImageNotFound)
        }
    }
}

@Suite(
    "Containers wait for people in the pool",
    .enabled(if: OCIMachine.isAble, OCIMachine.reason)
)
struct OCIPoolTests {
    @Test("a waiting container is taken, never given twice, and the pool fills up again")
    func takesWaiting() async throws {
        try await OCIFixture.with({
            $0.pool.minimum = 1
            $0.pool.maximum = 1
        }) { fixture in
            try await fixture.backend.check()
            try await filled(fixture)
            let first = try await fixture.subject.open(ConformanceSubject.newConnectionID())
            _ = try await first.start(ProgramRequest(kind: .exec("touch /mine")))
            try await filled(fixture)
            let second = try await fixture.subject.open(ConformanceSubject.newConnectionID())
            #expect(first.label != second.label)
            let seen = try await second.run("ls /mine").exit
            #expect(seen != .status(0))
            await first.close()
            await second.close()
            await fixture.keeper.pool.close()
            let left = try FileManager.default.contentsOfDirectory(
                atPath: fixture.folder + "/state/instances"
            )
            for instance in left {
                let path = "\(fixture.folder)/state/instances/\(instance)/containers"
                #expect(OCILeftovers.names(path) == [])
            }
        }
    }

    @Test("a container that died while it waited is not given out")
    func skipsDead() async throws {
        try await OCIFixture.with({
            $0.pool.minimum = 1
            $0.pool.maximum = 1
        }) { fixture in
            try await fixture.backend.check()
            try await filled(fixture)
            let instances = fixture.folder + "/state/instances"
            let instance = try #require(OCILeftovers.names(instances).first)
            let id = try #require(OCILeftovers.names("\(instances)/\(instance)/containers").first)
            for group in OCILeftovers.groups(id) {
                for process in OCILeftovers.processes(in: group) {
                    kill(pid_t(process.split(separator: " ").last ?? "") ?? -1, SIGKILL)
                }
            }
            let seen = try await fixture.subject.withWorkspace { workspace in
                try await workspace.run("echo alive").output
            }
            #expect(seen == "alive\n")
        }
    }

    private func filled(_ fixture: OCIFixture) async throws {
        try await eventually(.seconds(90), "the pool fills") { fixture.keeper.pool.waiting > 0 }
    }
}

@Suite("A machine that cannot run containers says why")
struct OCIUnavailableTests {
    @Test(
        "a missing agent, runtime or image is named",
        .enabled(if: OCIMachine.isAble, OCIMachine.reason)
    )
    func namesMissing() async throws {
        let folder = try OCIFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let agent = #expect(throws: CodedError.self) {
            try OCIFixture.make(in: folder) { $0.agentPath = "/nonexistent/agent" }
        }
        #expect(agent?.code == .ociUnavailable && agent?.detail.contains("/nonexistent") == true)
        let runtime = await #expect(throws: CodedError.self) {
            try await OCIFixture.make(in: folder, { $0.runtime = "/nonexistent/crun" }).backend
                .check()
        }
        #expect(runtime?.code == .ociUnavailable)
        #expect(runtime?.detail.contains("/nonexistent/crun") == true)
        let image = await #expect(throws: CodedError.self) {
            try await OCIFixture.make(in: folder, { $0.image = "other" }).backend.check()
        }
        #expect(image?.code == .ociImageNotFound)
        let name = await #expect(throws: CodedError.self) {
            try await OCIFixture.make(in: folder, { $0.image = "../x" }).backend.check()
        }
        #expect(name?.code == .ociImageNameInvalid)
    }

    @Test(
        "a state directory that cannot be written has a code",
        .enabled(if: OCIMachine.isAble, OCIMachine.reason)
    )
    func reportsState() throws {
        let folder = try OCIFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = #expect(throws: CodedError.self) {
            try OCIFixture.make(in: folder) { $0.stateDirectory = folder + "/image.tar/state" }
        }
        #expect(error?.code == .ociStateUnusable)
    }

    @Test(
        "a runtime that complains is quoted to the operator and not to the person",
        .enabled(if: OCIMachine.isAble, OCIMachine.reason)
    )
    func quotesRuntime() async throws {
        try await withScript("echo 'no cgroups for you' >&2; exit 1") { fixture in
            let error = await #expect(throws: CodedError.self) { try await fixture.backend.check() }
            #expect(error?.code == .ociUnavailable)
            #expect(error?.detail.contains("no cgroups for you") == true)
            #expect(error?.personText?.contains("cgroups") == false)
        }
    }

    @Test(
        "a runtime that hangs is given up in time, and leaves nothing",
        .enabled(if: OCIMachine.isAble, OCIMachine.reason)
    )
    func givesUpHangingRuntime() async throws {
        let crun = try #require(OCIMachine.runtimes.first)
        // Works for the trial, hangs for people.
        let script = """
            case "$*" in *delete*|*check-*) exec \(crun) "$@" ;; *) exec sleep 1000 ;; esac
            """
        try await withScript(
            script,
            {
                $0.timeouts.start = .seconds(1); $0.timeouts.stop = .seconds(1)
            }
        ) { fixture in
            try await fixture.backend.check()
            let id = ConformanceSubject.newConnectionID()
            let error = await #expect(throws: CodedError.self) {
                try await fixture.subject.open(id)
            }
            #expect(error?.code == .ociStartTimeout)
        }
    }

    private func withScript(
        _ script: String,
        _ change: (inout OCIConfig) -> Void = { _ in },
        _ body: (OCIFixture) async throws -> Void
    ) async throws {
        let place = NSTemporaryDirectory() + "berth-runtime-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(fileURLWithPath: place))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
        try await OCIFixture.with({
            $0.runtime = place
            change(&$0)
        }) { try await body($0) }
    }
}
