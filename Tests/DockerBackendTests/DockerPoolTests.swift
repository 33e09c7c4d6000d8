import BackendConformance
import BackendPool
import GatewayCore
import SharedConfig
import SharedDocker
import SharedModels
import SharedSSH
import Synchronization
import Testing

@testable import DockerBackend

@Suite("Docker containers that wait", .enabled(if: Engine.isThere, Engine.reason))
struct DockerPoolTests {
    private func withPool(
        _ change: (inout DockerConfig) -> Void = { _ in },
        _ body: (DockerBackend, DockerPool) async throws -> Void
    ) async throws {
        let pool = DockerPool(limits: PoolLimits(total: 4, memory: 0, fillers: 2))
        let config = DockerFixture.config {
            $0.pool.minimum = 1
            $0.pool.maximum = 1
            change(&$0)
        }
        let backend = try DockerBackend(
            config: config,
            agent: Engine.agent,
            pool: pool,
            logger: Engine.silent
        )
        backend.startPool()
        let result: Result<Void, any Error>
        do {
            try await eventually(.seconds(90), "one waits") { pool.waiting == 1 }
            result = .success(try await body(backend, pool))
        } catch {
            result = .failure(error)
        }
        await pool.close()
        try result.get()
    }

    private func name(_ workspace: any Workspace, _ client: EngineClient) async throws -> [String] {
        let id = try #require((workspace as? any ContainerWorkspace)?.containerID)
        return try await client.containers(labels: ["berth.pool"])
            .filter { $0.id == id }.flatMap(\.names)
    }

    @Test("who comes has one that waited, with their name and environment, and nobody else has it")
    func handOver() async throws {
        let client = try Engine.client()
        defer { client.shutdown() }
        try await withPool { backend, pool in
            var seen: Set<String> = []
            for _ in 0..<3 {
                try await eventually(.seconds(90), "one waits") { pool.waiting == 1 }
                let id = ConformanceSubject.newConnectionID()
                var request = DockerFixture.request(id)
                request.carried.environment = ["WHO": .init(id)]
                let workspace = try await backend.openWorkspace(request) { _ in }
                let container = (workspace as? any ContainerWorkspace)?.containerID
                let waited = try await client.containers(labels: [ContainerLease.poolLabel])
                #expect(waited.contains { $0.id == container })
                let done = try await workspace.run("echo $WHO; hostname; ls /tmp; touch /tmp/mine")
                let lines = done.output.split(separator: "\n").map(String.init)
                #expect(lines.first == id && lines.count == 2, "\(lines)")
                #expect(seen.insert(lines.last ?? "").inserted)
                try await eventually(.seconds(90), "it has the connection's name") {
                    try await name(workspace, client) == ["/berth-\(id).tester"]
                }
                await workspace.close()
                #expect(try await name(workspace, client).isEmpty)
            }
        }
    }

    @Test("one that has died, or does not answer, is not handed out", arguments: [true, false])
    func faulty(_ isDead: Bool) async throws {
        let client = try Engine.client()
        defer { client.shutdown() }
        let mark = ConformanceSubject.newConnectionID()
        let config: (inout DockerConfig) -> Void = {
            $0.execution.container = ["image": .string(Engine.image), "labels": [mark: "x"]]
        }
        try await withPool(config) { backend, _ in
            let waiting = try #require(try await client.containers(labels: [mark]).first)
            if isDead {
                try await client.killContainer(waiting.id)
            } else {
                try await client.pauseContainer(waiting.id)
            }
            let request = DockerFixture.request(ConformanceSubject.newConnectionID())
            let workspace = try await backend.openWorkspace(request) { _ in }
            let done = try await workspace.run("echo works")
            #expect(done.output == "works\n")
            #expect(try await name(workspace, client) != waiting.names)
            await workspace.close()
        }
        #expect(try await client.containers(labels: [mark]).isEmpty)
    }

    @Test("a name that is taken does not stop anybody")
    func takenName() async throws {
        let client = try Engine.client()
        defer { client.shutdown() }
        let id = ConformanceSubject.newConnectionID()
        let body = #"{"Image":"\#(Engine.image)","Labels":{"containerssh_connection_id":"\#(id)"}}"#
        let other = try await client.createContainer(
            name: "berth-\(id).tester",
            body: Array(body.utf8)
        )
        try await withPool { backend, _ in
            let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
            #expect(try await workspace.run("echo works").output == "works\n")
            await workspace.close()
        }
        try await client.removeContainer(other)
    }

    @Test("other limits are another pool")
    func keys() throws {
        let pool = DockerPool(limits: PoolLimits(total: 1, memory: 0, fillers: 1))
        func use(_ change: (inout DockerConfig) -> Void) -> PoolUse? {
            PoolUse(
                pool,
                DockerFixture.config {
                    $0.pool.maximum = 1
                    change(&$0)
                }
            )
        }
        let plain = try #require(use { _ in })
        #expect(use { $0.execution.shellCommand = ["/bin/other"] }?.key == plain.key)
        #expect(use { $0.execution.host = ["memory": 67_108_864] }?.key != plain.key)
        #expect(use { $0.execution.host = ["memory": 67_108_864] }?.share.memoryEach == 64 << 20)
        #expect(use { $0.execution.containerName = "mine" } == nil)
        #expect(use { $0.execution.disableAgent = true } == nil)
        #expect(use { $0.pool.maximum = 0 } == nil)
    }
}
