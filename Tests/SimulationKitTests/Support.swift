import ConfigdCore
import Foundation
import SharedConfig
import Testing

@testable import SimulationKit

/// A folder of its own with files, gone afterwards.
func withFolder<Result>(
    _ files: [String: String],
    _ body: (String) async throws -> Result
) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // what is left is temporary
    for (name, text) in files {
        let file = folder.appending(path: name)
        try text.write(to: file, atomically: true, encoding: .utf8)
    }
    return try await body(folder.path(percentEncoded: false))
}

/// The configuration of a gateway with a sandbox.
func gateway(_ yaml: String = "") throws -> LoadedConfig {
    let text = "backend: sandbox\n" + yaml
    return try ConfigLoader.load(ConfigFile(path: "berth.yaml", bytes: Array(text.utf8)))
}

/// A Wednesday.
let noon = Date(timeIntervalSince1970: 1_767_225_600 + 6 * 86400 + 12 * 3600)

/// A login of somebody who is who they say.
func login(
    _ username: String,
    address: String = "203.0.113.7",
    identity: AssumedIdentity = AssumedIdentity(),
    country: String = "",
    _ requests: [String] = []
) throws -> SimulatedLogin {
    SimulatedLogin(
        username: username,
        address: address,
        credential: .assumed(identity),
        country: country,
        date: noon,
        requests: try requests.map { try #require(SimulatedRequest($0)) }
    )
}
