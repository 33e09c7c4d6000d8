import Foundation
import Testing

/// What the script attacks.py measured, in KiB and milliseconds.
struct Attack: Codable, Sendable {
    var attack: String
    var memoryBefore: Int
    var memoryMost: Int
    var descriptorsBefore: Int
    var descriptorsAfter: Int
    var echoes: Int
    var echoP99: Double

    static let scripts = Surroundings.root.appending(path: "Tests/EndToEnd/Attacks/Scripts")

    /// More than any attack may make the gateway's memory grow: 128 MiB.
    private static let mostGrowth = 128 * 1024
    /// Descriptors that the gateway opens for itself meanwhile, such as connections to authd.
    private static let mostDescriptors = 16

    /// Runs one attack, leaves its figures in `attacks` of the results, and checks them.
    static func run(_ name: String, against installation: Installation) async throws {
        let end = try await installation.run(
            try #require(Surroundings.python),
            [
                scripts.appending(path: "attacks.py").path, "\(installation.config.ports.ssh)",
                Installation.user, installation.userKey,
                "\(try installation.process(.gateway).id)", name,
            ],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"],
            within: .seconds(150)
        )
        try #require(end.status == 0, "\(name): \(end.output) \(end.errors)")
        try save(end.output, name)
        let seen = try JSONDecoder().decode(Attack.self, from: Data(end.output.utf8))
        #expect(seen.memoryMost - seen.memoryBefore < mostGrowth, "\(end.output)")
        #expect(
            seen.descriptorsAfter <= seen.descriptorsBefore + mostDescriptors,
            "\(end.output)"
        )
        #expect(seen.echoes > 0)
        #expect(seen.echoP99 < 2000, "\(end.output)")
    }

    /// The program ssh-audit beside the Python that runs the scripts.
    static func audit() throws -> String {
        URL(filePath: try #require(Surroundings.python))
            .deletingLastPathComponent().appending(path: "ssh-audit").path
    }

    private static func save(_ figures: String, _ name: String) throws {
        let folder = Surroundings.results.appending(path: "attacks")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(figures.utf8).write(to: folder.appending(path: "\(name).json"))
    }
}
