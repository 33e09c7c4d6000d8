import Foundation
import Synchronization
import Testing

/// The suite of deploy/compose.yaml on the engine of this machine, from images of the programs that
/// the tests run, with a project, ports, certificates and one user of its own.
final class Composition: Sendable {
    @TaskLocal static var shared: Composition?

    static var current: Composition {
        get throws { try #require(shared, "the suite lacks the trait ComposedSuite") }
    }

    static let services = DaemonName.allCases

    let scrapePort = Surroundings.freePort()
    private let sshPort = Surroundings.freePort()
    private let folder: URL
    private let project = "berth-e2e-\(UUID().uuidString.prefix(8).lowercased())"
    private let runs = Mutex(0)

    /// Builds, starts, adds the user, and takes everything down after `body`.
    static func with(_ body: (Composition) async throws -> Void) async throws {
        let composition = try Composition()
        let watch = try composition.removeAfterDeath()
        let result: Result<Void, any Error>
        do {
            try await composition.start()
            result = .success(try await body(composition))
        } catch {
            let logs = try? await composition.compose("logs", "--no-color", "--tail", "50").output
            Issue.record("\(logs ?? "")")
            result = .failure(error)
        }
        let end = try await composition.run("/bin/sh", ["-c", composition.removal])
        #expect(end.status == 0, "\(end.output) \(end.errors)")
        try watch.write("done\n")
        try? FileManager.default.removeItem(at: composition.folder)
        try result.get()
    }

    private init() throws {
        folder = try Surroundings.temporaryFolder("compose")
        // The engine reads the files itself, so they lie where it sees them too.
        for name in ["compose", "compose.yaml"] {
            try FileManager.default.copyItem(
                at: Surroundings.root.appending(path: "deploy/\(name)"),
                to: folder.appending(path: name)
            )
        }
        try? FileManager.default.removeItem(at: folder.appending(path: "compose/tls"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "run"),
            withIntermediateDirectories: true
        )
    }

    private func start() async throws {
        let images = Surroundings.root.appending(path: "deploy/docker/images.sh").path
        try await succeed(run(images, ["--programs", Surroundings.programs.path]))
        try await succeed(run(path("compose/certificates.sh"), []))
        try await succeed(compose("up", "-d"))
        try await awaitHealthy(Self.services)
        let made = try await run(
            "/usr/bin/ssh-keygen",
            ["-q", "-t", "ed25519", "-N", "", "-f", path("id_ed25519")]
        )
        try succeed(made)
        try await succeed(
            compose(
                ["exec", "-T", "authd", "berth", "user", "add", Installation.user]
                    + ["--no-password", "--key-file", "-"],
                input: .file(folder.appending(path: "id_ed25519.pub"))
            )
        )
    }

    // MARK: - What the tests do

    func awaitHealthy(_ services: [DaemonName]) async throws {
        for service in services {
            try await wait(.seconds(90), for: "\(service) is healthy") {
                try await inspect(service, "{{.State.Health.Status}}") == "healthy"
            }
        }
    }

    /// What the engine says of a service's container.
    func inspect(_ service: DaemonName, _ format: String) async throws -> String {
        let id = try await container(service)
        return try await docker("inspect", "--format", format, id)
    }

    func container(_ service: DaemonName) async throws -> String {
        let filters = ["project=\(project)", "service=\(service.rawValue)"]
            .flatMap { ["--filter", "label=com.docker.compose.\($0)"] }
        return try await docker(["ps", "--all", "--quiet", "--no-trunc"] + filters)
    }

    /// The output of a command of Docker's client.
    func docker(_ words: String...) async throws -> String { try await docker(words) }

    private func docker(_ words: [String]) async throws -> String {
        let end = try await run(Engine.program, ["docker"] + words)
        try succeed(end)
        return end.output.trimmingCharacters(in: .newlines)
    }

    /// Runs a command of Compose on the project.
    func compose(_ words: String...) async throws -> Program.End { try await compose(words) }

    private func compose(
        _ words: [String],
        input: Program.Input = .nothing
    ) async throws -> Program.End {
        let place = ["--project-name", project, "--file", path("compose.yaml")]
        let command = try #require(Engine.compose) + place + words
        return try await run(Engine.program, command, input: input)
    }

    /// Logs in by the published port with OpenSSH.
    func ssh(_ command: String) async throws -> Program.End {
        try await run("/usr/bin/ssh", options + ["\(Installation.user)@127.0.0.1", command])
    }

    /// Copies the user's public key there with scp, by the protocol of SFTP.
    func copyKey() async throws -> Program.End {
        let place = "\(Installation.user)@127.0.0.1:/tmp/key"
        return try await run("/usr/bin/scp", ["-s"] + options + [path("id_ed25519.pub"), place])
    }

    private var options: [String] {
        let values = [
            "Port=\(sshPort)", "IdentityFile=\(path("id_ed25519"))", "IdentitiesOnly=yes",
            "BatchMode=yes", "UserKnownHostsFile=\(path("known_hosts"))",
            "GlobalKnownHostsFile=none", "StrictHostKeyChecking=accept-new", "LogLevel=ERROR",
            "ConnectTimeout=30",
        ]
        return ["-F", "none"] + values.flatMap { ["-o", $0] }
    }

    /// Runs `berth recording` in auditd's container, as an operator does.
    func recordings(_ words: String...) async throws -> String {
        let secrets = "/run/secrets/tls-"
        let end = try await compose(
            ["exec", "-T", "auditd", "berth", "recording"] + words
                + ["--server", "https://localhost:7030", "--cacert", secrets + "authority"]
                + ["--cert", secrets + "certificate", "--key", secrets + "key"]
        )
        try succeed(end)
        return end.output
    }

    func metrics() async throws -> String {
        let url = "http://127.0.0.1:\(scrapePort)/metrics"
        let end = try await run("/usr/bin/curl", ["-fsS", "--max-time", "5", url])
        try succeed(end)
        return end.output
    }

    // MARK: - Tools

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    private func run(
        _ program: String,
        _ arguments: [String],
        input: Program.Input = .nothing
    ) async throws -> Program.End {
        let number = runs.withLock { runs in
            runs += 1
            return runs
        }
        let program = try Program(
            program,
            arguments,
            input: input,
            environment: try environment(),
            files: folder.appending(path: "run/\(number)")
        )
        return try await program.end(within: .seconds(180))
    }

    private func environment() throws -> [String: String] {
        let socket = try FileManager.default.attributesOfItem(atPath: "/var/run/docker.sock")
        let group = try #require(socket[.groupOwnerAccountID] as? NSNumber)
        return [
            "BERTH_IMAGES": project, "BERTH_IMAGE": "berth-test/busybox:latest",
            "BERTH_SSH_PORT": "\(sshPort)", "BERTH_SCRAPE_PORT": "\(scrapePort)",
            "DOCKER_GID": "\(group)",
        ]
    }

    private func succeed(_ end: Program.End) throws {
        try #require(end.status == 0, "\(end.output.suffix(2000)) \(end.errors.suffix(2000))")
    }

    /// A shell's commands that remove whatever the engine has of the project.
    private var removal: String {
        """
        of() { docker "$@" --quiet --filter label=com.docker.compose.project=\(project); }
        for id in $(of ps --all); do docker rm --force --volumes $id; done
        for id in $(of network ls); do docker network rm $id; done
        for id in $(of volume ls); do docker volume rm $id; done
        for id in $(docker image ls --quiet '\(project)/*'); do docker image rm --force $id; done
        """
    }

    /// Starts a shell that waits for a word of this process, and removes everything without it.
    private func removeAfterDeath() throws -> Program {
        let script = "trap '' INT TERM HUP; read -r word && exit; \(removal)"
        return try Program(
            "/usr/bin/setsid",
            ["--fork", "/bin/sh", "-c", script],
            input: .held,
            files: folder.appending(path: "run/removal")
        )
    }
}

/// Starts one composition for a suite, and takes it down at the suite's end.
struct ComposedSuite: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await Composition.with { composition in
            try await Composition.$shared.withValue(composition) { try await function() }
        }
    }
}
