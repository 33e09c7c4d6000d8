import BackendConformance
import Foundation
import GatewayCore
import SharedConfig
import SharedSSH
import Testing

@testable import SandboxBackend
import BackendMachine

@Suite("A sandbox keeps to its limits", .enabled(if: SandboxHost.isAble, SandboxHost.reason))
struct LimitTests {
    private static let groups = ControlGroups.detect(
        wanted: ControlGroups.Controller.allCases,
        folder: SandboxWorkshop.groupFolder
    )

    private static func has(_ controller: ControlGroups.Controller) -> Bool {
        groups.parents.contains { $0.controllers.contains(controller) }
    }

    @Test(
        "a program that takes more memory than allowed is killed, its neighbours are not",
        .enabled(if: has(.memory), "needs a memory controller")
    )
    func limitsMemory() async throws {
        try await SandboxFixture.with({ $0.memory = 64 << 20 }) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let done = try await workspace.run("head -c 300000000 /dev/zero | tail | wc -c")
                #expect(done.output == "0\n")
                let seen = try await workspace.run("echo alive").output
                #expect(seen == "alive\n")
            }
        }
    }

    @Test(
        "a fork bomb stays within the number of processes and ends with its sandbox",
        .enabled(if: has(.pids), "needs a pids controller")
    )
    func limitsProcesses() async throws {
        try await SandboxFixture.with({ $0.pids = 40 }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec("bomb() { bomb | bomb & }; bomb; while :; do sleep 300 & done")
                    )
                )
                let group = try #require(Leftovers.groups(id).first { $0.contains("pids") })
                try await eventually(.seconds(150), "the bomb fills its limit") {
                    Leftovers.processes(in: group).count >= 20
                }
                #expect(Leftovers.processes(in: group).count <= 44)
                await program.terminate()
            }
            #expect(Leftovers.find(id, state: fixture.state) == [])
        }
    }

    @Test("processes are limited even where no control group does it")
    func limitsProcessesByUser() async throws {
        try await SandboxFixture.with({ $0.pids = 40 }) { fixture in
            let done = try await fixture.subject.withWorkspace { try await $0.run("ulimit -u") }
            #expect(done.output == "40\n")
        }
    }

    @Test("home and temporary folders hold no more than configured")
    func limitsHome() async throws {
        try await SandboxFixture.with({ $0.home.size = 2 << 20 }) { fixture in
            let done = try await fixture.subject.withWorkspace {
                try await $0.run(
                    "for d in ~ /tmp /run/user/1000; do head -c 3000000 /dev/zero >$d/big || echo full; done"
                )
            }
            #expect(done.output == "full\nfull\nfull\n")
        }
    }

    @Test("open files are limited, and no core is written")
    func limitsFiles() async throws {
        try await SandboxFixture.with({ $0.openFiles = 123 }) { fixture in
            let done = try await fixture.subject.withWorkspace {
                try await $0.run("ulimit -n; ulimit -c; ulimit -Hc")
            }
            #expect(done.output == "123\n0\n0\n")
        }
    }

    @Test("processor time is limited", .enabled(if: has(.cpu), "needs a cpu controller"))
    func limitsProcessors() async throws {
        try await SandboxFixture.with({ $0.cpus = 0.25 }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { _ in
                let values = Leftovers.groups(id).compactMap {
                    (try? String(contentsOfFile: $0 + "/cpu.cfs_quota_us", encoding: .utf8))
                        ?? (try? String(contentsOfFile: $0 + "/cpu.max", encoding: .utf8))
                }
                #expect(values.contains { $0.hasPrefix("25000") })
            }
        }
    }

    @Test("no control group is made for what has no limit")
    func makesNoNeedlessGroups() async throws {
        try await SandboxFixture.with({
            $0.memory = 0
            $0.pids = 0
        }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                #expect(Leftovers.groups(id) == [])
                let seen = try await workspace.run("echo yes").output
                #expect(seen == "yes\n")
            }
        }
    }
}
