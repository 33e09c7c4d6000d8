import Foundation
import Hummingbird
import SharedHTTP
import SharedMessages

extension RecordingQuery {
    /// The query of a list request. Throws an `HTTPRefusal` with status 400 that names the first
    /// parameter that is wrong.
    init(_ parameters: Parameters) throws {
        username = parameters["user"].map(String.init)
        remoteAddress = parameters["address"].map(String.init)
        since = try parameters["since"].map { try Self.time("since", $0) }
        until = try parameters["until"].map { try Self.time("until", $0) }
        if let text = parameters["limit"] {
            guard let number = Int(text), (1...1000).contains(number) else {
                throw Self.refusal("limit: must be 1...1000")
            }
            limit = number
        }
        if let text = parameters["cursor"] {
            guard let place = RecordingCursor(text) else { throw Self.refusal("cursor") }
            cursor = place
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

    private static func refusal(_ text: String) -> HTTPRefusal {
        HTTPRefusal(.badRequest, .auditdBadQuery, text)
    }
}
