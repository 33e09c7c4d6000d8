import SharedHTTP
import SharedMessages

extension EngineClient {
    /// What the engine knows about a container, by name or id; `nil` when there is none.
    package func container(_ name: String) async throws -> ContainerDetails? {
        do {
            return try await fetch(
                ContainerDetails.self,
                .get,
                "/containers/\(name)/json",
                failure: .dockerContainerAttachFailed
            )
        } catch let error as CodedError where error.engineStatus == 404 {
            return nil
        }
    }

    /// Ends a container with TERM, and after `grace` seconds with KILL. One that does not run, or
    /// does not exist any more, is as wanted.
    package func stopContainer(_ id: String, grace: Int, within limit: Duration) async throws {
        do {
            try await send(
                .post,
                "/containers/\(id)/stop?t=\(grace)",
                within: limit,
                failure: .dockerContainerStopFailed
            )
        } catch let error as CodedError where error.engineStatus == 404 {}
    }

    /// Freezes all that runs in a container.
    package func pauseContainer(_ id: String) async throws {
        try await send(.post, "/containers/\(id)/pause", failure: .dockerContainerSignalFailed)
    }

    package func unpauseContainer(_ id: String) async throws {
        try await send(
            .post,
            "/containers/\(id)/unpause",
            failure: .dockerContainerStartFailed
        )
    }
}
