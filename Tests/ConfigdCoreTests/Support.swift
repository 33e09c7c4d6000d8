import ConfigClient
import Foundation
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
        authenticatedUsername: authenticated
    )
}
