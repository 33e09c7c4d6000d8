import ArgumentParser
import Foundation
import SharedDocker

/// `berth ps`.
struct PsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "Lists the containers that gateways made on an engine, the oldest first.",
        discussion: """
            Each line has the container, its name, its owner, its age, its state and what becomes \
            of it.
            """
    )

    @OptionGroup var engine: EngineOptions

    @Option(help: "Only those of this login name or identity.")
    var user: String?

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() async throws {
        try await engine.run { client, _ in
            let all = try await client.listContainers(label: ContainerLease.instanceLabel)
            let chosen = all.filter { container in user.map { container.owner == $0 } ?? true }
                .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
            guard !json else {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                let records = try encoder.encode(chosen.map(ContainerRecord.init))
                return print(String(decoding: records, as: UTF8.self))
            }
            for container in chosen { print(container.line) }
        }
    }
}

/// A container for programs that read the list.
private struct ContainerRecord: Encodable {
    let id: String
    let names: [String]
    let owner: String
    /// Seconds.
    let age: Int
    let state: String
    let lease: String
    let labels: [String: String]

    init(_ container: ContainerSummary) {
        id = container.id
        names = container.names
        owner = container.owner
        age = container.age
        state = container.state
        lease = container.lease
        labels = container.labels
    }
}
