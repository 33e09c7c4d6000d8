import BackendConformance
import BackendMachine
import BackendPool
import Foundation
import GatewayCore
import Glibc
import InMemoryLogging
import Logging
import Metrics
import MetricsClient
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import OCIBackend

@Suite(
    "What people and the log are told about a container of this machine",
    .enabled(if: OCIMachine.isAble, OCIMachine.reason)
)
struct OCICodeTests {
    /// A logger, and the codes of what it got.
    private func log() -> (Logger, @Sendable () -> [String]) {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "oci") { _ in handler }
        logger.logLevel = .trace
        return (logger, { handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } } })
    }

    @Test("beginning and end of a container are told, and a subsystem that nobody configured")
    func life() async throws {
        let (logger, codes) = log()
        try await OCIFixture.with(logger: logger) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let error = await #expect(throws: CodedError.self) {
                    _ = try await workspace.start(ProgramRequest(kind: .subsystem("netconf")))
                }
                #expect(error?.code == .ociSubsystemUnknown)
                #expect(error?.personText != nil)
            }
            #expect(codes().contains(MessageCode.ociOpened.id))
            #expect(codes().contains(MessageCode.ociClosed.id))
        }
    }

    @Test("limits that the machine cannot set are told once each, and people get in all the same")
    func withoutGroups() async throws {
        let (logger, limits) = limitLog()
        let wanted: (inout OCIConfig) -> Void = {
            $0.memory = 64 << 20
            $0.pids = 100
            $0.cpus = 1
        }
        try await OCIFixture.with(wanted, mounts: [], logger: logger) { fixture in
            for _ in 0..<2 {
                let done = try await fixture.subject.withWorkspace { try await $0.run("echo in") }
                #expect(done.output == "in\n")
            }
            #expect(limits() == ["memory", "pids", "cpu"])
        }
        // Nobody asked for limits: nobody is told.
        let (other, none) = limitLog()
        let unlimited: (inout OCIConfig) -> Void = {
            $0.memory = 0
            $0.pids = 0
            $0.cpus = 0
        }
        try await OCIFixture.with(unlimited, mounts: [], logger: other) { _ in
            #expect(none().isEmpty)
        }
    }

    @Test("version 2 of control groups: what it does not offer is told, the rest is used")
    func partlyWithGroups() async throws {
        let mount = NSTemporaryDirectory() + "berth-groups-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: mount) }
        // Where the kernel has this process.
        let own = ControlGroups.ownVersion2Path()
        let top = own == "/" ? mount : mount + own
        for folder in [top, top + "/berth-containers"] {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            for (name, text) in [
                ("controllers", "pids"), ("procs", ""), ("subtree_control", ""),
            ] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/cgroup.\(name)"))
            }
        }
        let mounts = [CgroupMount(path: mount, isVersion2: true, options: [])]
        let (logger, limits) = limitLog()
        try await OCIFixture.with({ $0.cpus = 1 }, mounts: mounts, logger: logger) { fixture in
            #expect(limits() == ["memory", "cpu"])
            let host = try fixture.keeper.host(for: fixture.config)
            #expect(host.groups.parents.map(\.path) == [top + "/berth-containers"])
            #expect(host.groups.parents.first?.controllers == [.pids])
        }
    }

    /// The limits that were said not to be applied, with their reasons there.
    private func limitLog() -> (Logger, @Sendable () -> [String]) {
        let handler = InMemoryLogHandler()
        let logger = Logger(label: "oci") { _ in handler }
        return (
            logger,
            {
                handler.entries.map(\.metadata)
                    .filter { $0["code"] == "\(MessageCode.ociLimitNotApplied.id)" }
                    .filter { "\($0["reason"] ?? "")".count > 10 }
                    .map { "\($0["limit"] ?? "")" }
            }
        )
    }

    @Test("a runtime that refuses a container is an error with its words for the operator alone")
    func refused() async throws {
        let crun = try #require(OCIMachine.runtimes.first)
        let place = NSTemporaryDirectory() + "berth-runtime-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: place) }
        let script = """
            #!/bin/sh
            case "$*" in *delete*|*check-*) exec \(crun) "$@" ;; esac
            echo 'no room here' >&2; exit 1
            """
        try Data(script.utf8).write(to: URL(fileURLWithPath: place))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
        let (logger, codes) = log()
        let report = poolReport(logger)
        try await OCIFixture.with(
            {
                $0.runtime = place
                $0.pool.minimum = 1
                $0.pool.maximum = 1
            },
            report: { report($0) }
        ) { fixture in
            try await fixture.backend.check()
            try await told(.poolFillFailed, codes)
            let id = ConformanceSubject.newConnectionID()
            let error = await #expect(throws: CodedError.self) {
                try await fixture.subject.open(id)
            }
            #expect(error?.code == .ociStartFailed)
            #expect(error?.detail.contains("no room here") == true)
            #expect(error?.personText?.contains("room") == false)
            #expect(OCILeftovers.find(id, state: fixture.folder + "/state") == [])
        }
    }

    @Test("a program that an agent does not start in time is given up")
    func slowStart() async throws {
        try await OCIFixture.with({
            $0.timeouts.commandStart = .seconds(1)
            $0.timeouts.stop = .seconds(4)
        }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                stop(id)
                let error = await #expect(throws: CodedError.self) {
                    _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
                }
                #expect(error?.code == .ociProgramStartTimeout)
            }
        }
    }

    @Test("a container that cannot be removed in time is left to a sweep, and removed by that")
    func slowStop() async throws {
        let (logger, codes) = log()
        try await OCIFixture.with({ $0.timeouts.stop = .seconds(1) }, logger: logger) { fixture in
            let id = ConformanceSubject.newConnectionID()
            let workspace = try await fixture.subject.open(id)
            // The runtime's process waits for its container; it is not in the container's groups.
            let runtime = try #require(Self.runtimeProcess(id))
            kill(runtime, SIGSTOP)
            await workspace.close()
            #expect(codes().contains(MessageCode.ociStopTimeout.id))
            #expect(!codes().contains(MessageCode.ociLeftoversRemoved.id))
            kill(runtime, SIGCONT)
            let host = try fixture.keeper.host(for: fixture.config)
            try await eventually(.seconds(90), "the sweep removes it") {
                await host.sweep()
                return codes().contains(MessageCode.ociLeftoversRemoved.id)
            }
            #expect(OCILeftovers.find(id, state: fixture.folder + "/state").isEmpty)
        }
    }

    @Test("who has used up the container's memory is told so; somebody's signal is something else")
    func outOfMemory() async throws {
        let (logger, codes) = log()
        try await OCIFixture.with(
            {
                $0.memory = 32 << 20
                $0.disk.size = 4 << 20
                $0.disk.temporary = 4 << 20
            },
            logger: logger
        ) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let killed = try await workspace.run("kill -9 $$")
                #expect(killed.exit == .signal(name: "KILL", coreDumped: false, message: ""))
                for _ in 0..<2 {
                    let program = try await workspace.start(
                        ProgramRequest(kind: .exec("exec tail /dev/zero"))
                    )
                    let error = await #expect(throws: CodedError.self) { try await program.exit() }
                    #expect(error?.code == .containerOutOfMemory)
                    #expect(error?.personText != nil)
                }
                let again = try await workspace.run("echo here").output
                #expect(again == "here\n")
            }
        }
        #expect(codes().count { $0 == MessageCode.containerOutOfMemory.id } == 2)
    }

    @Test("what is written lies on the disk if that is wanted, beyond what memory allows")
    func writesToDisk() async throws {
        try await OCIFixture.with({
            $0.disk.storage = .disk
            $0.disk.size = 1 << 20
            $0.disk.temporary = 4 << 20
            $0.memory = 32 << 20
        }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                let seen = try await workspace.run(
                    "head -c 48000000 /dev/zero > /big && wc -c < /big; rm /bin/yes; ls /bin/yes"
                ).output
                #expect(seen == "48000000\n")
                let state = fixture.folder + "/state/instances"
                let instance = try #require(OCILeftovers.names(state).first)
                let upper = "\(state)/\(instance)/containers/\(id)/w/upper/big"
                let size = try FileManager.default.attributesOfItem(atPath: upper)[.size]
                #expect((size as? NSNumber)?.intValue == 48_000_000)
                let other = try await fixture.subject.withWorkspace { other in
                    try await other.run("ls /big /bin/yes 2>/dev/null").output
                }
                #expect(other == "/bin/yes\n")
            }
            #expect(OCILeftovers.find(id, state: fixture.folder + "/state") == [])
        }
    }

    @Test("the pool tells what it fills, gives, misses and discards, and what it cannot fill")
    func pool() async throws {
        let (logger, codes) = log()
        let report = poolReport(logger)
        try await OCIFixture.with(
            {
                $0.pool.minimum = 1
                $0.pool.maximum = 1
            },
            report: { report($0) }
        ) { fixture in
            try await fixture.backend.check()
            try await told(.poolFilled, codes)
            try await fixture.subject.withWorkspace { _ in }
            try await told(.poolHit, codes)
            try await eventually(.seconds(90), "one waits") { fixture.keeper.pool.waiting == 1 }
            let state = fixture.folder + "/state/instances"
            let instance = try #require(OCILeftovers.names(state).first)
            let id = try #require(OCILeftovers.names("\(state)/\(instance)/containers").first)
            for group in OCILeftovers.groups(id) { ControlGroups.killProcesses(of: group) }
            try await eventually(.seconds(90), "the one that died is found out") {
                if codes().contains(MessageCode.poolDiscarded.id) { return true }
                fixture.keeper.pool.maintain()
                return false
            }
            await fixture.keeper.pool.close()
            try await fixture.subject.withWorkspace { _ in }
            try await told(.poolMiss, codes)
        }
    }

    private func poolReport(_ logger: Logger) -> PoolReport {
        PoolReport(
            backend: OCIBackend.name,
            metrics: GatewayMetrics(factory: NOOPMetricsHandler.instance),
            logger: logger
        )
    }

    private func told(_ code: MessageCode, _ codes: @Sendable () -> [String]) async throws {
        try await eventually(.seconds(90), "\(code.id)") { codes().contains(code.id) }
    }

    /// Freezes everything in a container.
    private func stop(_ id: String) {
        for group in OCILeftovers.groups(id) {
            for process in OCILeftovers.processes(in: group) {
                kill(pid_t(process.split(separator: " ").last ?? "") ?? -1, SIGSTOP)
            }
        }
    }

    private static func runtimeProcess(_ id: String) -> pid_t? {
        OCILeftovers.names("/proc").compactMap { pid_t($0) }.first { process in
            let line = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))
            let words = (line ?? Data()).split(separator: 0).map {
                String(decoding: $0, as: UTF8.self)
            }
            return words.contains("run") && words.last == id
        }
    }
}
