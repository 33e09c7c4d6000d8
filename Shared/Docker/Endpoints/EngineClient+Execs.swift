package import NIOCore
import SharedHTTP
import SharedMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension EngineClient {
    /// Prepares a program in a running container and answers the exec's id.
    package func createExec(
        _ container: String,
        _ request: ExecRequest,
        within limit: Duration? = nil
    ) async throws -> String {
        struct Created: Decodable {
            var Id: String
        }
        return try await fetch(
            Created.self,
            .post,
            "/containers/\(container)/exec",
            body: [UInt8](try JSONEncoder().encode(request)),
            within: limit,
            failure: .dockerExecCreateFailed
        ).Id
    }

    /// Starts a prepared program and connects to its streams, on `loop`.
    ///
    /// Closing the stream does not end the program.
    package func startExec(
        _ id: String,
        hasTerminal: Bool,
        on loop: any EventLoop
    ) async throws -> EngineStream {
        struct Body: Encodable {
            var Detach = false
            var Tty: Bool
        }
        return try await hijack(
            "/exec/\(id)/start",
            body: [UInt8](try JSONEncoder().encode(Body(Tty: hasTerminal))),
            isRaw: hasTerminal,
            on: loop,
            failure: .dockerExecAttachFailed
        )
    }

    package func inspectExec(_ id: String) async throws -> ExecState {
        try await fetch(
            ExecState.self,
            .get,
            "/exec/\(id)/json",
            failure: .dockerExitCodeFailed
        )
    }

    package func resizeExec(_ id: String, rows: UInt32, columns: UInt32) async throws {
        try await send(
            .post,
            "/exec/\(id)/resize?h=\(rows)&w=\(columns)",
            failure: .dockerExecResizeFailed
        )
    }

    /// Connects to the streams of a container's first process, which need not run yet.
    package func attach(_ container: String, on loop: any EventLoop) async throws -> EngineStream {
        try await hijack(
            "/containers/\(container)/attach?stream=1&stdin=1&stdout=1&stderr=1",
            body: [],
            isRaw: false,
            on: loop,
            failure: .dockerContainerAttachFailed
        )
    }
}
