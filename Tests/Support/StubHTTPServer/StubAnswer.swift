/// A request as the stub received it.
package struct StubRequest: Sendable, Hashable {
    package var method: String
    package var path: String
    /// Names in lower case; of repeated fields the last.
    package var headers: [String: String]
    package var body: String
    /// Counts connections from 1, so that reuse can be seen.
    package var connection: Int
}

/// What the stub does with a request.
package indirect enum StubAnswer: Sendable, Hashable {
    /// Another answer, after so many milliseconds.
    case late(milliseconds: Int, StubAnswer)
    case reply(status: Int = 200, headers: [String: String] = [:], body: String = "")
    /// Keeps the connection open and says nothing.
    case silence
    /// Closes without a byte.
    case hangUp
    /// Sends these bytes as they are, then closes.
    case raw(String)
    /// Announces a body of `announced` bytes, sends `body` and closes.
    case cut(announced: Int, body: String)
    /// A chunked body of `count` chunks of `size` bytes, written as fast as the peer reads.
    case flood(count: Int, size: Int)

    package static func json(_ body: String, status: Int = 200) -> StubAnswer {
        .reply(status: status, headers: ["Content-Type": "application/json"], body: body)
    }
}
