import BackendConformance
import ChildProcess
import Foundation
import GatewayCore
import SharedConfig
import SharedDocker
import SharedMessages
import Testing

@testable import DockerBackend

/// The engine of this machine behind TLS, as it is reached from elsewhere.
@Suite(
    "An engine behind TLS",
    .enabled(if: Engine.isThere && EncryptedEngine.isThere, "needs socat, openssl and an engine"),
    .timeLimit(.minutes(5))
)
struct EncryptedEngineTests {
    @Test(
        "a backend's promises hold",
        arguments: [
            ConformanceCase.separatesStreamsAndReportsStatus, .carriesLargeStreamsIntact,
            .closedInputReachesProgramAsEnd, .inputEndDoesNotEndProgram, .unreadOutputHoldsProgram,
            .terminalHasItsSizeBeforeStart, .termSignalEndsProgram, .fileIsPutWhole,
            .closeEndsEverything,
        ]
    )
    func promises(_ promise: ConformanceCase) async throws {
        try await EncryptedEngine.run { engine in
            try await promise.prove(on: DockerFixture.subject { $0.connection = engine.connection })
        }
    }

    @Test("a client that the engine does not trust gets nowhere")
    func stranger() async throws {
        try await EncryptedEngine.run { engine in
            try await EncryptedEngine.run { other in
                var connection = engine.connection
                connection.certificate = other.connection.certificate
                connection.key = other.connection.key
                try await refused(connection)
            }
        }
    }

    @Test("an engine that the client does not trust gets nothing")
    func impostor() async throws {
        try await EncryptedEngine.run { engine in
            try await EncryptedEngine.run { other in
                var connection = engine.connection
                connection.caCertificate = other.connection.caCertificate
                try await refused(connection)
            }
        }
    }

    private func refused(_ connection: DockerConnectionConfig) async throws {
        let subject = try DockerFixture.subject {
            $0.connection = connection
            $0.timeouts.http = .seconds(10)
        }
        let error = await #expect(throws: CodedError.self) {
            _ = try await subject.open(ConformanceSubject.newConnectionID())
        }
        #expect(error?.code.id.hasPrefix("DOCKER_") == true)
        #expect(error?.personText != nil)
    }
}

/// `socat` in front of the engine's socket, with certificates of its own for both sides.
final class EncryptedEngine: Sendable {
    static let isThere = ["/usr/bin/socat", "/usr/bin/openssl"]
        .allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    let connection: DockerConnectionConfig
    private let process: ChildProcess
    private let folder: URL

    private init() async throws {
        folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let script = """
            set -e; cd '\(folder.path)'
            new="openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
            $new -x509 -keyout ca.key -out ca.pem -subj /CN=ca -days 2
            for name in server client; do
                $new -keyout $name.key -out $name.csr -subj /CN=$name
                echo 'subjectAltName=IP:127.0.0.1' >ext
                openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
                    -days 2 -extfile ext -out $name.pem
            done
            """
        let end = try await ChildProcess.run("/bin/sh", ["-c", script])
        guard end.status == 0 else { throw ConformanceFailure("openssl: \(end.errors)") }
        var tries = 1
        while true {
            let port = try FreePort.take()
            let process = try Self.start(port, folder)
            let connection = Self.connection(port, folder)
            // Somebody may have taken the port meanwhile.
            guard try await Self.answers(connection) || tries == 4 else {
                process.send(signal: SIGKILL)
                tries += 1
                continue
            }
            self.process = process
            self.connection = connection
            return
        }
    }

    private static func start(_ port: Int, _ folder: URL) throws -> ChildProcess {
        let listen =
            "OPENSSL-LISTEN:\(port),bind=127.0.0.1,reuseaddr,fork,backlog=64,openssl-min-proto-version=TLS1.3,"
            + "cert=server.pem,key=server.key,cafile=ca.pem,verify=1"
        return try ChildProcess(
            "/usr/bin/socat",
            ["-t", "30", listen, "UNIX-CONNECT:\(Engine.socket)"],
            folder: folder
        )
    }

    private static func connection(_ port: Int, _ folder: URL) -> DockerConnectionConfig {
        var connection = DockerConnectionConfig()
        connection.host = "tcp://127.0.0.1:\(port)"
        connection.caCertificate = PEMSource(folder.appending(path: "ca.pem").path)
        connection.certificate = PEMSource(folder.appending(path: "client.pem").path)
        connection.key = PEMSource(folder.appending(path: "client.key").path)
        return connection
    }

    private static func answers(_ connection: DockerConnectionConfig) async throws -> Bool {
        let config = DockerFixture.config {
            $0.connection = connection
            $0.timeouts.http = .seconds(10)
        }
        let client = try EngineClient(config, logger: Engine.silent)
        defer { client.shutdown() }
        do {
            try await eventually(.seconds(150), "the engine answers") {
                (try? await client.version()) != nil  // Refused: not yet.
            }
            return true
        } catch is ConformanceFailure {
            return false
        }
    }

    static func run(_ body: (EncryptedEngine) async throws -> Void) async throws {
        let engine = try await EncryptedEngine()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(engine))
        } catch {
            result = .failure(error)
        }
        engine.process.send(signal: SIGTERM)
        try FileManager.default.removeItem(at: engine.folder)
        try result.get()
    }
}
