/// One call of the API, and what it takes to make it.
struct RESTCall: Sendable {
    enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"
        case patch = "PATCH"
    }

    var method: Method
    /// With its query, encoded; without the address's prefix.
    var path: String
    var body: [UInt8] = []
    var contentType = "application/json"
    /// Most bytes of a reply.
    var replyLimit = 8 << 20
}

struct RESTReply: Sendable {
    var status: Int
    var retryAfter: String?
    var body: [UInt8]
}

/// One segment of a path or one value of a query (RFC 3986 §2.3: all but the unreserved
/// characters is encoded).
func encoded(_ text: some StringProtocol) -> String {
    var result = ""
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
            result.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            result += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
        }
    }
    return result
}

/// The part of an address behind the question mark; empty for none.
func query(_ items: [(name: String, value: String)]) -> String {
    guard !items.isEmpty else { return "" }
    return "?" + items.map { "\($0.name)=\(encoded($0.value))" }.joined(separator: "&")
}
