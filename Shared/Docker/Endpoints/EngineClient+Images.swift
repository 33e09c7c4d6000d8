import SharedHTTP
import SharedMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension EngineClient {
    /// Whether the engine has an image of that name.
    package func hasImage(_ name: String) async throws -> Bool {
        do {
            try await send(.get, "/images/\(name)/json", failure: .dockerImageListingFailed)
            return true
        } catch let error as CodedError where error.engineStatus == 404 {
            return false
        }
    }

    /// Pulls an image; `progress` gets every event of the engine's.
    ///
    /// `silence` bounds the time without any event. An error inside the stream of events, which
    /// comes with status 200, is thrown like a refusal.
    package func pullImage(
        _ image: ImageReference,
        credentials: RegistryCredentials?,
        platform: String = "",
        silence: Duration,
        progress: (PullEvent) -> Void
    ) async throws {
        var path: EnginePath = "/images/create?fromImage=\(image.name)&tag=\(image.tag)"
        if !platform.isEmpty {
            path = "/images/create?fromImage=\(image.name)&tag=\(image.tag)&platform=\(platform)"
        }
        var headers: HTTPHeaderList = [:]
        if let credentials { headers["X-Registry-Auth"] = try credentials.header() }
        let code = MessageCode.dockerImagePullFailed
        try await stream(.post, path, headers: headers, idle: silence, failure: code) { body in
            var lines = PullLines()
            while let chunk = try await body.next() {
                for event in try lines.take(chunk) { progress(event) }
            }
            for event in try lines.finish() { progress(event) }
        }
    }
}

/// One event of a pull.
package struct PullEvent: Sendable, Hashable, Decodable {
    /// The layer; `nil` for the image as a whole.
    package var id: String?
    package var status: String?
    package var error: String?
}

/// Cuts the stream of a pull into its events, one JSON object per line.
struct PullLines {
    /// A line of the engine's has some hundred bytes; what is far longer is not a pull.
    static let longestLine = 1 << 20
    private var rest: [UInt8] = []

    /// Throws an `EngineRefusal` for an event that is an error.
    mutating func take(_ chunk: [UInt8]) throws -> [PullEvent] {
        rest += chunk
        var events: [PullEvent] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: 0x0A) {
            try Self.event(rest[start..<end], &events)
            start = end + 1
        }
        rest.removeSubrange(..<start)
        guard rest.count <= Self.longestLine else {
            throw EngineRefusal(status: 200, message: "a line of the pull is too long")
        }
        return events
    }

    mutating func finish() throws -> [PullEvent] {
        defer { rest = [] }
        return try take([0x0A])
    }

    private static func event(_ line: ArraySlice<UInt8>, _ events: inout [PullEvent]) throws {
        guard line.contains(where: { $0 > 0x20 }) else { return }
        let event: PullEvent
        do {
            event = try JSONDecoder().decode(PullEvent.self, from: Data(line))
        } catch {
            throw EngineRefusal(status: 200, message: "a line of the pull is no JSON object")
        }
        if let message = event.error { throw EngineRefusal(status: 200, message: message) }
        events.append(event)
    }
}
