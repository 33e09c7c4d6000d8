import BackendConformance
import ChildProcess
import Foundation
import GatewayCore
import SharedConfig
import SharedDocker
import SharedMessages
import Synchronization
import Testing

@testable import DockerBackend

@Suite(
    "Pulls from a registry with passwords",
    .enabled(if: Engine.isThere && Registry.isThere, "needs docker-registry and an engine"),
    .timeLimit(.minutes(5))
)
struct RegistryTests {
    private let id = ConformanceSubject.newConnectionID()

    private func subject(
        _ image: String,
        password: String = Registry.password,
        policy: DockerExecutionConfig.PullPolicy = .ifNotPresent
    ) throws -> ConformanceSubject {
        try DockerFixture.subject {
            $0.execution.container = ["image": .string(image)]
            $0.execution.imagePullPolicy = policy
            guard !password.isEmpty else { return }
            $0.execution.auth.username = "berth"
            $0.execution.auth.password = Secret(password)
        }
    }

    @Test("the credentials of the configuration reach the registry, and the person sees progress")
    func authorized() async throws {
        try await Registry.run { registry in
            let image = try await registry.push()
            let lines = Mutex<[String]>([])
            let backend = try subject(image).backend
            let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { line in
                lines.withLock { $0.append(line) }
            }
            let done = try await workspace.run("echo pulled")
            await workspace.close()
            #expect(done.output == "pulled\n")
            let said = lines.withLock { $0 }
            #expect(said.first == "Pulling the image of your session ...")
            #expect(said.last == "The image is there.")
            #expect(try await registry.tags(of: image) >= 1)
            // There now: nobody is asked again.
            registry.stop()
            try await subject(image).withWorkspace { _ in }
        }
    }

    @Test("wrong credentials, and none, are an error at once", arguments: ["wrong", ""])
    func unauthorized(_ password: String) async throws {
        try await Registry.run { registry in
            let image = try await registry.push()
            let start = ContinuousClock.now
            let error = await #expect(throws: CodedError.self) {
                _ = try await subject(image, password: password).open(id)
            }
            #expect(error?.code == .dockerImagePullFailed)
            #expect(error?.personText != nil)
            // Trying again and again would take its whole time limit.
            #expect(ContinuousClock.now - start < .seconds(50))
            #expect(try await Engine.containers(of: id).isEmpty)
        }
    }

    @Test("a pull that breaks in the middle, with status 200, is an error")
    func broken() async throws {
        try await Registry.run { registry in
            let image = try await registry.push(isNew: true)
            try registry.loseLayers()
            let error = await #expect(throws: CodedError.self) {
                _ = try await subject(image).open(id)
            }
            #expect(error?.code == .dockerImagePullFailed)
            #expect(error?.engineStatus == 200)
        }
    }

    @Test("Always asks the registry though the image is there")
    func always() async throws {
        try await Registry.run { registry in
            let image = try await registry.push()
            try await subject(image).withWorkspace { _ in }
            try await subject(image, policy: .always).withWorkspace { _ in }
            registry.stop()
            let error = await #expect(throws: CodedError.self) {
                _ = try await subject(image, policy: .always).open(id)
            }
            #expect(error?.code == .dockerImagePullFailed)
        }
    }
}

/// A registry of one test: Debian's docker-registry on a port of this machine, which engines reach
/// without TLS because it is on 127.0.0.0/8.
final class Registry: Sendable {
    static let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/docker-registry")
    /// Its credentials have both letters of base64 that URLs cannot have.
    static let password = "s3cret>?~"
    /// What `htpasswd -B` makes of it.
    private static let accounts =
        "berth:$2y$05$mnzFaGMqWDJdISzFeLC/3em0NXvvir0tllYgsfCFo0p1blOEyl5F2\n"

    private let folder: URL
    private let process: ChildProcess
    private let port: Int
    private let images = Mutex<[String]>([])

    private init(folder: URL, port: Int) throws {
        self.folder = folder
        self.port = port
        try Data(Self.accounts.utf8).write(to: folder.appending(path: "htpasswd"))
        let config = """
            version: 0.1
            storage: {filesystem: {rootdirectory: \(folder.path)/data}, cache: {}}
            http: {addr: "127.0.0.1:\(port)"}
            auth: {htpasswd: {realm: test, path: \(folder.path)/htpasswd}}
            """
        try Data(config.utf8).write(to: folder.appending(path: "config.yml"))
        process = try ChildProcess(
            "/usr/bin/docker-registry",
            ["serve", folder.appending(path: "config.yml").path]
        )
    }

    static func run(_ body: (Registry) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-registry-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let registry = try Registry(folder: folder, port: try FreePort.take())
        let result: Result<Void, any Error>
        do {
            try await registry.ready()
            result = .success(try await body(registry))
        } catch {
            result = .failure(error)
        }
        registry.stop()
        for image in registry.images.withLock({ $0 }) { _ = try await docker("rmi", "-f", image) }
        try FileManager.default.removeItem(at: folder)
        try result.get()
    }

    func stop() { process.send(signal: SIGKILL) }

    private func ready() async throws {
        let address = try #require(URL(string: "http://127.0.0.1:\(port)/v2/"))
        try await eventually(.seconds(90), "the registry answers") {
            // Refused: not yet.
            let end = try? await ChildProcess.run("/usr/bin/curl", ["-s", address.absoluteString])
            return end?.status == 0
        }
    }

    /// Puts the test image there, or one with a layer that no engine has, under a name which the
    /// engine does not have.
    func push(isNew: Bool = false) async throws -> String {
        let image = "127.0.0.1:\(port)/test/box:1"
        images.withLock { $0.append(image) }
        let config = folder.appending(path: "client").path
        let auth = Data("berth:\(Self.password)".utf8).base64EncodedString()
        try FileManager.default.createDirectory(
            atPath: config,
            withIntermediateDirectories: true
        )
        try Data(#"{"auths":{"127.0.0.1:\#(port)":{"auth":"\#(auth)"}}}"#.utf8)
            .write(to: URL(filePath: config + "/config.json"))
        if isNew {
            let script = "echo $0 >new && tar -c new | docker import - $0"
            _ = try await ChildProcess.run("/bin/sh", ["-c", script, image], folder: folder)
        } else {
            try await Self.docker("tag", Engine.image, image)
        }
        try await Self.docker("--config", config, "push", "-q", image)
        try await Self.docker("rmi", image)
        return image
    }

    func tags(of image: String) async throws -> Int {
        let end = try await ChildProcess.run(
            "/usr/bin/curl",
            [
                "-s", "-u", "berth:\(Self.password)",
                "http://127.0.0.1:\(port)/v2/test/box/tags/list",
            ]
        )
        return end.output.contains("\"1\"") ? 1 : 0
    }

    /// The manifest stays, what it names is gone.
    func loseLayers() throws {
        let blobs = folder.appending(path: "data/docker/registry/v2/blobs/sha256")
        let files = FileManager.default.enumerator(at: blobs, includingPropertiesForKeys: nil)
        for case let file as URL in files?.allObjects ?? [] where file.lastPathComponent == "data" {
            let head = try Data(contentsOf: file).prefix(1)
            // Manifest and configuration are JSON, layers are gzip.
            if head != Data("{".utf8) { try FileManager.default.removeItem(at: file) }
        }
    }

    @discardableResult
    private static func docker(_ arguments: String...) async throws -> String {
        let end = try await ChildProcess.run("/usr/bin/env", ["docker"] + arguments)
        guard end.status == 0 else { throw ConformanceFailure("docker: \(end.errors)") }
        return end.output
    }
}
