import Foundation
import Glibc
import Synchronization
import Testing

/// A registry with one image, for an engine that has a network of its own.
final class ImageRegistry: Sendable {
    static let isThere = Surroundings.isExecutable("/usr/bin/docker-registry")
    static let reason: Comment = "needs docker-registry, see deploy/dev/deps.sh test"

    private let folder: URL
    private let port = Surroundings.freePort()
    private let serving = Mutex<Program?>(nil)

    /// As the engine names it.
    var image: String { "127.0.0.1:\(port)/test/big:1" }

    /// Makes an image with so many bytes that cannot be compressed.
    static func with(
        megabytes: Int,
        _ body: (ImageRegistry) async throws -> Void
    ) async throws {
        let registry = try ImageRegistry()
        let result: Result<Void, any Error>
        do {
            try await registry.fill(megabytes)
            result = .success(try await body(registry))
        } catch {
            result = .failure(error)
        }
        if let process = registry.serving.withLock({ $0 }) {
            process.send(SIGKILL)
            _ = try await process.end()
        }
        try? FileManager.default.removeItem(at: registry.folder)
        try result.get()
    }

    private init() throws {
        folder = try Surroundings.temporaryFolder("registry")
        let config = """
            version: 0.1
            storage: {filesystem: {rootdirectory: \(folder.path)/data}, cache: {}}
            http: {addr: "127.0.0.1:\(port)"}
            """
        try Data(config.utf8).write(to: folder.appending(path: "config.yml"))
    }

    private var arguments: [String] { ["serve", folder.appending(path: "config.yml").path] }
    private static let program = "/usr/bin/docker-registry"

    /// Serves it on the engine's 127.0.0.1.
    func serve(in engine: PrivateEngine) async throws {
        let process = try engine.launchInside(Self.program, arguments)
        serving.withLock { $0 = process }
        try await wait(.seconds(150), for: "the registry answers: \(process.errors)") {
            try await engine.launchInside(
                "/usr/bin/curl",
                ["-fs", "http://127.0.0.1:\(port)/v2/"]
            ).end().status == 0
        }
    }

    private func fill(_ megabytes: Int) async throws {
        let process = try Program(
            Self.program,
            arguments,
            files: folder.appending(path: "registry")
        )
        let script = """
            set -e
            until curl -fs http://127.0.0.1:\(port)/v2/; do kill -0 \(process.id); done
            head -c \(megabytes)m /dev/urandom >big
            trap 'docker rmi -f \(image)' EXIT
            tar -c big | docker import - \(image)
            docker push -q \(image)
            """
        let end = try await Program(
            "/bin/sh",
            ["-c", "cd '\(folder.path)'; \(script)"],
            files: folder.appending(path: "fill")
        ).end(within: .seconds(90))
        process.send(SIGKILL)
        _ = try await process.end()
        try #require(end.status == 0, "\(end.errors)")
    }
}
