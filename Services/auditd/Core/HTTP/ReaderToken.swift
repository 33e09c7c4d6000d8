import Hummingbird
import SharedConfig
import SharedHTTP
import SharedMessages

/// The token that readers of recordings have to send as `Authorization: Bearer`.
struct ReaderToken: Sendable {
    private let expected: [UInt8]

    /// `nil` for an empty token.
    init?(_ token: Secret) {
        guard !token.isEmpty else { return nil }
        expected = Array("Bearer \(token.reveal())".utf8)
    }

    /// Throws an `HTTPRefusal` with status 401.
    func check(_ request: Request) throws {
        let given = Array((request.headers[.authorization] ?? "").utf8)
        // Takes the same time wherever the first difference is.
        var difference = UInt8(given.count == expected.count ? 0 : 1)
        for index in expected.indices {
            difference |= expected[index] ^ (index < given.count ? given[index] : 0)
        }
        guard difference == 0 else { throw HTTPRefusal(.unauthorized, .auditdUnauthorized) }
    }
}
