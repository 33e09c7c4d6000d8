import AuditClient
import Foundation
import Hummingbird
import SharedAudit
import SharedHTTP
import SharedMessages

extension RecordingQuery {
    /// The query of a list request. Throws an `HTTPRefusal` with status 400 that names the first
    /// parameter that is wrong.
    init(_ parameters: Parameters) throws {
        try Self.check(parameters)
        username = parameters["user"].map(String.init)
        remoteAddress = parameters["address"].map(String.init)
        country = parameters["country"].map { $0.uppercased() }
        container = parameters["container"].map(String.init)
        text = try parameters["text"].map { try Self.searched("text", $0) }
        command = try parameters["command"].map { try Self.searched("command", $0) }
        state = try parameters["state"].map {
            guard let state = RecordingSummary.State(rawValue: String($0)) else {
                throw Self.refusal("state: must be open, finished or interrupted")
            }
            return state
        }
        since = try parameters["since"].map { try Self.time("since", $0) }
        until = try parameters["until"].map { try Self.time("until", $0) }
        limit = try parameters["limit"].map(Self.count) ?? limit
        if let text = parameters["cursor"] {
            guard let place = RecordingCursor(text) else { throw Self.refusal("cursor") }
            cursor = place
        }
    }

    /// SQLite would take the text before a NUL for all of it.
    fileprivate static func check(_ parameters: Parameters) throws {
        for (name, value) in parameters where value.utf8.contains(0) {
            throw refusal("\(name): must not contain NUL")
        }
    }

    /// A time as RFC 3339 writes it, or a day in UTC; answers nanoseconds.
    private static func time(_ name: String, _ text: Substring) throws -> Int64 {
        let whole = text.count == 10 ? text + "T00:00:00Z" : text
        guard let date = try? Date(String(whole), strategy: .iso8601) else {
            throw refusal("\(name): must be a time such as 2024-05-01T10:00:00Z")
        }
        return Int64(date.timeIntervalSince1970) * 1_000_000_000
    }

    fileprivate static func count(_ text: Substring) throws -> Int {
        guard let number = Int(text), (1...1000).contains(number) else {
            throw refusal("limit: must be 1...1000")
        }
        return number
    }

    fileprivate static func searched(_ name: String, _ text: Substring) throws -> String {
        guard text.unicodeScalars.count >= TextQuery.shortest, text.utf8.count <= 1024 else {
            throw refusal("\(name): must have at least \(TextQuery.shortest) characters")
        }
        return String(text)
    }

    fileprivate static func refusal(_ text: String) -> HTTPRefusal {
        HTTPRefusal(.badRequest, .auditdBadQuery, text)
    }
}

extension TextQuery {
    /// The query of a request for lines; refused as above.
    init(_ parameters: Parameters) throws {
        try RecordingQuery.check(parameters)
        text = try parameters["text"].map { try RecordingQuery.searched("text", $0) }
        kind = try parameters["kind"].map {
            guard let kind = RecordedText.Piece.Kind(rawValue: String($0)) else {
                throw RecordingQuery.refusal("kind: must be screen or command")
            }
            return kind
        }
        recording = try parameters["recording"].map {
            guard let id = RecordingID($0) else { throw RecordingQuery.refusal("recording") }
            return id
        }
        limit = try parameters["limit"].map(RecordingQuery.count) ?? limit
        cursor = try parameters["cursor"].map {
            guard let number = Int64($0) else { throw RecordingQuery.refusal("cursor") }
            return number
        }
        guard text != nil || recording != nil else {
            throw RecordingQuery.refusal("text or recording must be given")
        }
    }
}
