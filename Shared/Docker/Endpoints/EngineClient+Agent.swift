import SharedHTTP
import SharedMessages

extension EngineClient {
    /// Unpacks a tar archive inside a container, which need not run, at the folder `path`.
    package func putArchive(
        _ archive: [UInt8],
        into container: String,
        at path: String
    ) async throws {
        try await send(
            .put,
            "/containers/\(container)/archive?path=\(path)",
            body: archive,
            contentType: "application/x-tar",
            failure: .dockerContainerCreateFailed
        )
    }

    /// The environment of a container's first process, as `NAME=VALUE`: the image's, and what the
    /// container was created with.
    package func environment(of container: String) async throws -> [String] {
        struct Inspection: Decodable {
            struct Config: Decodable {
                var Env: [String]?
            }
            var Config: Config
        }
        return try await fetch(
            Inspection.self,
            .get,
            "/containers/\(container)/json",
            failure: .dockerContainerAttachFailed
        ).Config.Env ?? []
    }
}
