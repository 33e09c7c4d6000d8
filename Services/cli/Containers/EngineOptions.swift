import ArgumentParser
import Foundation
import Logging
import SharedConfig
import SharedDocker
import SharedMessages

/// Which container engine is asked.
struct EngineOptions: ParsableArguments {
    @Option(help: "The configuration file, whose section docker says how the engine is reached.")
    var config: String?

    @Option(help: "The engine's address instead: unix:///path or tcp://host:port.")
    var host: String?

    func validate() throws {
        guard config == nil || host == nil else {
            throw ValidationError("Give --config or --host, not both.")
        }
    }

    /// Talks to the engine and tells a failure by its code; the exit status is then 1.
    func run(_ body: (EngineClient, DockerConfig) async throws -> Void) async throws {
        var section = DockerConfig()
        if let config {
            do {
                section = try ConfigLoader.load(
                    path: config,
                    environment: ProcessInfo.processInfo.environment,
                    overrides: []
                ).config.docker
            } catch {
                for problem in error.list { printError(problem.description.printable) }
                throw ExitCode(78)
            }
        }
        if let host { section.connection.host = host }
        do {
            let logger = Logger(label: "containers") { _ in SwiftLogNoOpLogHandler() }
            let client = try EngineClient(section, logger: logger)
            defer { client.shutdown() }
            try await body(client, section)
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }
}

extension ContainerSummary {
    /// Seconds since its creation.
    var age: Int { max(0, Int(Date().timeIntervalSince1970) - created) }

    var owner: String {
        labels[ContainerLease.ownerLabel] ?? labels[ContainerLease.userLabel] ?? adopter ?? "-"
    }

    /// Of a container from the pool, whose labels are those of the time before.
    private var adopter: String? {
        guard labels[ContainerLease.poolLabel] != nil else { return nil }
        return ContainerName.owner(ofAdopted: name)
    }

    private var name: String {
        names.first.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 } ?? "-"
    }

    /// What is to become of it.
    var lease: String {
        if let idle = labels[ContainerLease.idleLabel].flatMap({ Int($0) }) {
            return idle > 0 ? "stays, stopped when unused for \(Self.time(idle))" : "stays"
        }
        guard let seconds = ContainerLease.seconds(labels) else { return "none" }
        guard state != "running" else { return "ends with its gateway" }
        let left = Int(seconds) - age
        return left > 0 ? "removed in \(Self.time(left))" : "over"
    }

    /// One line of a list.
    var line: String {
        "\(id.prefix(12))  \(name)  \(owner)  \(Self.time(age))  \(state)  \(lease)"
            .printable
    }

    private static func time(_ seconds: Int) -> String {
        Duration.seconds(seconds).formatted(.time(pattern: .hourMinuteSecond))
    }
}
