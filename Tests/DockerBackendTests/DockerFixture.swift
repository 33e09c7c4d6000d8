import BackendConformance
import Foundation
import GatewayCore
import GuestAgent
import Glibc
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedDocker
import SharedModels
import Synchronization
import Testing

@testable import DockerBackend

/// The container engine of this machine, made ready by `deploy/dev/docker.sh`.
enum Engine {
    static let socket = "/var/run/docker.sock"
    static let image = "berth-test/busybox"

    /// Whether it answers and has the image.
    static let isThere: Bool = {
        guard unsafe access(socket, R_OK | W_OK) == 0 else { return false }
        let found = Mutex(false)
        let done = DispatchSemaphore(value: 0)
        Task {
            let answer = try? await client().hasImage(image)  // No engine: the answer is no.
            found.withLock { $0 = answer == true }
            done.signal()
        }
        return done.wait(timeout: .now() + 10) == .success && found.withLock { $0 }
    }()

    static let reason: Comment = "needs a container engine; run deploy/dev/docker.sh"

    static func client(_ socket: String = socket) throws -> EngineClient {
        try EngineClient(
            address: EngineAddress("unix://" + socket, hasCertificate: false),
            timeout: .seconds(30),
            logger: silent
        )
    }

    /// The agent beside the tests. Its folder is one that the engine sees, too.
    static let agent = AgentFiles(program: agentProgram, folder: agentFolder)

    static let agentFolder = "/tmp/berth-test-agent-\(getuid())"

    static let agentProgram = URL(filePath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "berth-agent").path

    static let silent = Logger(label: "docker-tests") { _ in SwiftLogNoOpLogHandler() }

    /// Containers of one connection, running or not.
    static func containers(
        of connectionID: String,
        on socket: String = socket
    ) async throws -> [String] {
        let label = "containerssh_connection_id=\(connectionID)"
        let client = try client(socket)
        defer { client.shutdown() }
        return try await client.containers(labels: [label]).map(\.id)
    }
}

/// A backend on the engine of this machine.
struct DockerFixture {
    static func config(_ change: (inout DockerConfig) -> Void = { _ in }) -> DockerConfig {
        var config = DockerConfig()
        config.execution.container = ["image": .string(Engine.image)]
        config.execution.shellCommand = ["/bin/sh"]
        config.execution.imagePullPolicy = .never
        change(&config)
        return config
    }

    static func subject(
        carried: ConnectionMetadata = ConnectionMetadata(),
        logger: Logger = Engine.silent,
        _ change: (inout DockerConfig) -> Void = { _ in }
    ) throws -> ConformanceSubject {
        let config = config(change)
        let socket = String(config.connection.host.trimmingPrefix("unix://"))
        var subject = ConformanceSubject(
            backend: try DockerBackend(config: config, agent: Engine.agent, logger: logger),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            carried: carried,
            // That needs a program inside: the guest agent.
            canForward: !config.execution.disableAgent,
            leftovers: {
                try await Engine.containers(
                    of: $0,
                    on: socket.hasPrefix("/") ? socket : Engine.socket
                )
            }
        )
        guard config.execution.agent.delivery == .none else { return subject }
        subject.canHalfClose = false
        subject.tellsInput = false
        return subject
    }

    /// The engine gives containers no IPv6, not even a loopback address.
    static let withIPv6: ConfigTree = ["sysctls": ["net.ipv6.conf.all.disable_ipv6": "0"]]

    /// A backend in the mode persistent with a container name of its own, which is removed
    /// afterwards. What a connection leaves there is a program that runs.
    static func withLasting(
        logger: Logger = Engine.silent,
        _ change: (inout DockerConfig) -> Void = { _ in },
        _ body: (ConformanceSubject, _ name: String) async throws -> Void
    ) async throws {
        let name = "berth-test-" + ConformanceSubject.newConnectionID()
        var subject = try subject(logger: logger) {
            $0.execution.mode = .persistent
            $0.execution.createMissing = true
            $0.execution.containerName = name
            $0.execution.host = withIPv6
            change(&$0)
        }
        // The engine forgets an exec when it gets to it.
        subject.noticesLater = true
        let client = try Engine.client()
        subject.leftovers = { _ in try await client.container(name)?.execs ?? [] }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(subject, name))
        } catch {
            result = .failure(error)
        }
        try? await client.removeContainer(name)  // Not there: as wanted.
        client.shutdown()
        try result.get()
    }

    static func request(_ id: String, user: String = "tester") -> WorkspaceRequest {
        WorkspaceRequest(
            connectionID: id,
            username: user,
            authenticatedUsername: user,
            remoteAddress: "192.0.2.7",
            carried: ConnectionMetadata(),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next()
        )
    }
}
