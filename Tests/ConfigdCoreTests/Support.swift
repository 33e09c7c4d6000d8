import ConfigClient
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import ConfigdCore

/// A folder of its own with files, gone afterwards.
func withFiles<Result>(
    _ files: [String: String],
    _ body: (URL) async throws -> Result
) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "configd-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // what is left is temporary
    for (name, text) in files { try write(text, to: folder.appending(path: name)) }
    return try await body(folder)
}

func write(_ text: String, to url: URL) throws {
    try text.write(to: url, atomically: true, encoding: .utf8)
}

func path(_ url: URL) -> String { url.path(percentEncoded: false) }

/// A question of `alice` who typed `dev`.
func question(
    user: String = "dev",
    authenticated: String = "alice",
    address: String = "203.0.113.7:41022",
    country: String = "",
    metadata: [String: String] = [:]
) -> ConfigRequest {
    ConfigRequest(
        head: AuthRequestHead(
            remoteAddress: address,
            connectionID: "5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f",
            clientVersion: "SSH-2.0-x",
            username: user,
            carried: ConnectionMetadata(metadata: metadata.mapValues { MetadataValue($0) })
        ),
        authenticatedUsername: authenticated,
        country: country
    )
}

/// A Wednesday.
let noon = Date(timeIntervalSince1970: 1_767_225_600 + 6 * 86400 + 12 * 3600)

extension RuleSet {
    /// The reply at noon.
    func answer(_ request: ConfigRequest) throws(CodedError) -> ConfigResponse {
        try decide(request, at: noon).response
    }

    /// The rules of one text.
    init(yaml: String, name: String = "rules.yaml") throws(ConfigProblems) {
        try self.init(yaml: [(name, yaml)])
    }

    /// The rules of several texts.
    init(yaml files: [(name: String, text: String)]) throws(ConfigProblems) {
        var read: [RuleSetFile] = []
        for (name, text) in files {
            let parsed = try ConfigFile(path: name, bytes: Array(text.utf8)).parse()
            read.append(RuleSetFile(name: name, try RuleFile.read(parsed), origins: parsed.origins))
        }
        self.init(read)
    }
}
