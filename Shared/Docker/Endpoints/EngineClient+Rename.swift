import SharedHTTP
import SharedMessages

extension EngineClient {
    /// Gives a container another name.
    package func renameContainer(_ id: String, to name: String) async throws {
        try await send(
            .post,
            "/containers/\(id)/rename?name=\(name)",
            failure: .dockerContainerRenameFailed
        )
    }
}
