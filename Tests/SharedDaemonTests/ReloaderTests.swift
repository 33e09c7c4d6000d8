import Foundation
import InMemoryLogging
import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import Synchronization
import Testing

@testable import SharedDaemon

@Suite("Reloader")
struct ReloaderTests {
    private let memory = LogMemory()

    private func reloader(_ hooks: ReloadHooks, _ load: @escaping Reloader.Load) throws -> Reloader
    {
        let log = try LogWriter(LogSettings(destination: .file("/dev/null")))
        return Reloader(log: log, hooks: hooks, logger: memory.logger, load: load)
    }

    private func loaded(_ text: String) throws(ConfigProblems) -> LoadedConfig {
        try ConfigLoader.load(ConfigFile(path: "c.yaml", bytes: Array(text.utf8)))
    }

    @Test("hooks get the new configuration in their order, then CORE_CONFIG_RELOADED is logged")
    func hooks() async throws {
        let told = Mutex<[String]>([])
        let hooks = ReloadHooks()
        for name in ["a", "b"] {
            hooks.add { config in told.withLock { $0.append(name + config.ssh.banner) } }
        }
        let config = try loaded("ssh: { banner: hello }")
        try await reloader(hooks) { config }.reload()
        #expect(told.withLock { $0 } == ["ahello", "bhello"])
        #expect(memory.codes == ["CORE_CONFIG_RELOADED"])
    }

    @Test("a broken configuration reaches no hook; its problems are logged")
    func broken() async throws {
        let hooks = ReloadHooks()
        hooks.add { _ in Issue.record("must not be called") }
        try await reloader(hooks) { try loaded("ssh: 3") }.reload()
        #expect(memory.codes == ["CORE_CONFIG_RELOAD_FAILED"])
        guard case .array(let problems)? = memory.handler.entries.first?.metadata["problems"] else {
            Issue.record("no list of problems")
            return
        }
        #expect(problems.count == 1)
    }

    @Test("a hook that fails ends the reload: nothing says that the configuration is in use")
    func failingHook() async throws {
        let hooks = ReloadHooks()
        hooks.add { _ in throw CodedError(.unknownError) }
        hooks.add { _ in Issue.record("must not be called") }
        let config = try loaded("{}")
        try await reloader(hooks) { config }.reload()
        #expect(memory.codes == ["CORE_CONFIG_RELOAD_FAILED"])
    }
}
