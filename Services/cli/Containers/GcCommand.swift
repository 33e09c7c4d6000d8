import ArgumentParser
import Foundation
import SharedConfig
import SharedDocker
import SharedMessages

/// `berth gc`.
struct GcCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Removes the containers whose lease is over.",
        discussion: """
            Gateways do that themselves every minute; this is for an engine that none of them \
            uses any more. Containers that run, and those that people keep, stay.
            """
    )

    @OptionGroup var engine: EngineOptions

    @Flag(help: "Only list them.")
    var dryRun = false

    func run() async throws {
        try await engine.run { client, config in
            var failure: CodedError?
            for container in try await client.overdueContainers(now: Date().timeIntervalSince1970) {
                print(container.line)
                guard !dryRun else { continue }
                do {
                    let limit = config.timeouts.containerStop
                    try await client.removeContainer(container.id, within: limit)
                } catch let error as CodedError {
                    // 404 and 409: somebody else removes it.
                    guard error.engineStatus != 404, error.engineStatus != 409 else { continue }
                    failure = error
                }
            }
            if let failure { throw failure }
        }
    }
}
