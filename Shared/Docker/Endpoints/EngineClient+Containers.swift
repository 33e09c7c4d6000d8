import SharedHTTP
import SharedMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension EngineClient {
    /// Creates a container and answers its id. `body` is the JSON of the create call.
    ///
    /// `name` empty: the engine finds one. `platform` as `os[/arch[/variant]]`, empty: its own.
    package func createContainer(
        name: String,
        platform: String = "",
        body: [UInt8]
    ) async throws -> String {
        struct Created: Decodable {
            var Id: String
        }
        var path: EnginePath = "/containers/create?name=\(name)"
        if !platform.isEmpty { path = "/containers/create?name=\(name)&platform=\(platform)" }
        return try await fetch(
            Created.self,
            .post,
            path,
            body: body,
            failure: .dockerContainerCreateFailed
        ).Id
    }

    package func startContainer(_ id: String, within limit: Duration? = nil) async throws {
        try await send(
            .post,
            "/containers/\(id)/start",
            within: limit,
            failure: .dockerContainerStartFailed
        )
    }

    /// Sends a signal to the container's first process. `signal` as `KILL` or `SIGKILL`.
    package func killContainer(_ id: String, signal: String = "KILL") async throws {
        try await send(
            .post,
            "/containers/\(id)/kill?signal=\(signal)",
            failure: .dockerContainerSignalFailed
        )
    }

    /// Removes a container, running or not, and its anonymous volumes. One that does not exist
    /// is a refusal with status 404, one that is just being removed with 409.
    package func removeContainer(_ id: String, within limit: Duration? = nil) async throws {
        try await send(
            .delete,
            "/containers/\(id)?force=1&v=1",
            within: limit,
            failure: .dockerContainerRemoveFailed
        )
    }

    package func inspectContainer(_ id: String) async throws -> ContainerState {
        try await fetch(
            ContainerInspection.self,
            .get,
            "/containers/\(id)/json",
            failure: .dockerContainerAttachFailed
        ).State
    }

    /// All containers, running or not, that have every one of `labels` (`name` or `name=value`).
    package func containers(labels: [String]) async throws -> [ContainerSummary] {
        let filters = String(
            decoding: try JSONEncoder().encode(["label": labels]),
            as: UTF8.self
        )
        return try await fetch(
            [ContainerSummary].self,
            .get,
            "/containers/json?all=1&filters=\(filters)",
            failure: .dockerContainerRemoveFailed
        )
    }
}
