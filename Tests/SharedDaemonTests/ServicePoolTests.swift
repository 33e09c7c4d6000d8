import InMemoryLogging
import Logging
import ServiceLifecycle
import SharedMessages
import Testing

@testable import SharedDaemon

@Suite("ServicePool", .timeLimit(.minutes(5)))
struct ServicePoolTests {
    private let memory = LogMemory()

    private func pool(
        _ services: [DaemonService],
        timeout: Duration = .seconds(20),
        onReady: @escaping @Sendable () -> Void = {}
    ) -> ServicePool {
        ServicePool(
            services: services,
            shutdownTimeout: timeout,
            logger: memory.logger,
            onReady: onReady
        )
    }

    private func service(
        _ name: String,
        _ end: TestService.End = .shutdown,
        ready: @escaping @Sendable () async throws -> Void = {}
    ) -> DaemonService {
        DaemonService(TestService(end: end), name: name, ready: ready)
    }

    @Test("the pool is running only when every service is ready")
    func ready() async throws {
        let gate = Gate()
        let isReady = Gate()
        let services = [
            service("first"), service("second") { try await gate.wait() },
        ]
        let pool = pool(services, onReady: { isReady.open() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            while !memory.steps.contains("SERVICE_RUNNING first") { await Task.yield() }
            #expect(!memory.codes.contains("SERVICE_POOL_RUNNING"))
            gate.open()
            try await isReady.wait()
            let steps = memory.steps
            #expect(steps.last == "SERVICE_POOL_RUNNING")
            #expect(steps.contains("SERVICE_RUNNING second"))
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test("a hundred services that are ready at once make the pool run once")
    func noLostReadiness() async throws {
        let isReady = Gate()
        let services = (0..<100).map { service("\($0)") }
        let pool = pool(services, onReady: { isReady.open() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            try await isReady.wait()
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(memory.codes.count { $0 == "SERVICE_POOL_RUNNING" } == 1)
    }

    @Test("a service that ends stops the others, and the pool ends without error")
    func serviceEnds() async throws {
        try await pool([service("server"), service("short", .now)]).run()
        let steps = memory.steps
        #expect(steps.first == "SERVICE_POOL_STARTING")
        #expect(steps.contains("SERVICE_STOPPED short"))
        #expect(steps.contains("SERVICE_STOPPING server"))
        #expect(steps.contains("SERVICE_STOPPED server"))
        #expect(steps.count { $0 == "SERVICE_POOL_STOPPING" } == 1)
        #expect(steps.last == "SERVICE_POOL_STOPPED")
    }

    @Test("a service that fails stops the others; its error is the pool's")
    func serviceFails() async throws {
        let failure = CodedError(.httpListenFailed, detail: "port taken")
        let error = await #expect(throws: CodedError.self) {
            try await pool([service("server"), service("bad", .failure(failure))]).run()
        }
        #expect(error?.code == .httpListenFailed)
        let crash = memory.handler.entries.first { $0.metadata["code"] == "SERVICE_CRASHED" }
        #expect(crash?.metadata["service"] == "bad")
        #expect(crash?.metadata["reason"] == "HTTP_LISTEN_FAILED")
        #expect(memory.steps.contains("SERVICE_STOPPED server"))
        #expect(!memory.steps.contains("SERVICE_STOPPED bad"))
    }

    @Test("a service that never becomes ready fails the pool with the reason")
    func readinessFails() async throws {
        let server = service("server") { throw CodedError(.sshStartFailed) }
        let error = await #expect(throws: CodedError.self) { try await pool([server]).run() }
        #expect(error?.code == .sshStartFailed)
        #expect(!memory.codes.contains("SERVICE_POOL_RUNNING"))
    }

    @Test("services stop in the reverse of their order")
    func order() async throws {
        let services = [
            service("audit"), service("http"), service("ssh"), service("short", .now),
        ]
        try await pool(services).run()
        let stopped = memory.steps.filter { $0.hasPrefix("SERVICE_STOPPED") }
        #expect(
            stopped.dropFirst().map { $0.split(separator: " ").last } == ["ssh", "http", "audit"]
        )
    }

    @Test("a service that does not drain in time is cancelled, and the pool ends without error")
    func timeout() async throws {
        let services = [service("stuck", .cancellation), service("short", .now)]
        try await pool(services, timeout: .milliseconds(20)).run()
        #expect(memory.steps.contains("SERVICE_STOPPED stuck"))
        #expect(!memory.codes.contains("SERVICE_CRASHED"))
    }

    @Test("a pool that is told to stop before it is ready never says that it runs")
    func earlyStop() async throws {
        let gate = Gate()
        let never = service("never") { try await gate.wait() }
        try await pool([never, service("short", .now)]).run()
        #expect(!memory.codes.contains("SERVICE_POOL_RUNNING"))
        #expect(memory.steps.last == "SERVICE_POOL_STOPPED")
    }
}
