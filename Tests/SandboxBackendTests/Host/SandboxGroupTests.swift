import BackendMachine
import SharedConfig
import Testing

@testable import SandboxBackend

@Suite("The limits of a sandbox")
struct SandboxGroupTests {
    @Test("limits are written as each version wants them")
    func writesLimits() {
        var config = SandboxConfig()
        config.memory = 1000
        config.pids = 10
        config.cpus = 1.5
        func values(_ isVersion2: Bool) -> [String] {
            ControlGroups.Controller.allCases.flatMap {
                SandboxGroup.settings($0, isVersion2, config).map { "\($0.file)=\($0.value)" }
            }
        }
        #expect(values(true) == ["memory.max=1000", "pids.max=14", "cpu.max=150000 100000"])
        #expect(
            values(false) == [
                "memory.limit_in_bytes=1000", "pids.max=14", "cpu.cfs_period_us=100000",
                "cpu.cfs_quota_us=150000",
            ]
        )
    }
}
