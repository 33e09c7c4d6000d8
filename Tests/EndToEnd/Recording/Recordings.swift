import Foundation
import Testing

/// What `berth recording` tells about the recordings of an installation.
struct Recordings {
    struct Event: Decodable, Sendable {
        struct Payload: Decodable, Sendable {
            var program: String?
            var username: String?
            var password: String?
            var requestType: String?
            var data: String?
            var exitStatus: Int?
            var stream: Int?

            var text: String {
                String(decoding: Data(base64Encoded: data ?? "") ?? Data(), as: UTF8.self)
            }
        }

        var typeId: String
        var type: Int
        var payload: Payload?
    }

    struct Summary: Decodable, Sendable {
        var id: String
        var state: String
        var size: Int
    }

    let installation: Installation

    private var server: String { "http://127.0.0.1:\(installation.config.ports.auditd)" }

    func list(user: String = Installation.user) async throws -> [Summary] {
        let end = try await installation.berth(
            "recording",
            "list",
            "--server",
            server,
            "--json",
            "--user",
            user
        )
        try #require(end.status == 0, "\(end.errors)")
        return try lines(end.output).map { try JSONDecoder().decode(Summary.self, from: $0) }
    }

    /// The newest recording, once its session is over.
    func finished(_ user: String = Installation.user) async throws -> Summary {
        try await wait(for: "the recording is finished") {
            try await list(user: user).first?.state == "finished"
        }
        return try #require(try await list(user: user).first)
    }

    func show(_ id: String) async throws -> (text: String, events: [Event]) {
        let end = try await installation.berth("recording", "show", "--server", server, id)
        try #require(end.status == 0, "\(end.errors)")
        return (end.output, try events(end.output))
    }

    func cast(_ id: String) async throws -> String {
        let end = try await installation.berth("recording", "cast", "--server", server, id)
        try #require(end.status == 0, "\(end.errors)")
        return end.output
    }

    private func events(_ text: String) throws -> [Event] {
        try lines(text).map { try JSONDecoder().decode(Event.self, from: $0) }
    }

    private func lines(_ text: String) -> [Data] {
        text.split(separator: "\n").map { Data($0.utf8) }
    }
}
