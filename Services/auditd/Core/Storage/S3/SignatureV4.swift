import Crypto
import FoundationEssentials
import SharedConfig
import SharedHTTP

/// Signs requests as AWS Signature Version 4 says
/// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
struct SignatureV4: Sendable {
    var credentials: S3Credentials
    var region: String
    /// `s3` or `sts`.
    var service = "s3"

    /// A request as far as it is signed.
    struct Request {
        var method: String
        /// Percent-encoded as it goes over the wire; never empty.
        var path: String
        /// Names and values, not encoded, in any order.
        var query: [(name: String, value: String)] = []
        /// All are signed. Values have no two blanks in a row.
        var headers: HTTPHeaderList
        /// SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`.
        var payloadHash: String
    }

    /// The header fields that are to be added to the request's own: `x-amz-date`,
    /// `x-amz-security-token` where there is one, and `Authorization`.
    func fields(for request: Request, at time: Date) -> [HTTPHeaderList.Field] {
        let stamp = Self.stamp(time)
        var added = [HTTPHeaderList.Field(name: "x-amz-date", value: stamp)]
        if !credentials.sessionToken.isEmpty {
            let token = credentials.sessionToken.reveal()
            added.append(.init(name: "x-amz-security-token", value: token))
        }
        var signed = request
        for field in added { signed.headers.append(field.name, field.value) }
        let (names, canonical) = Self.canonical(signed)
        let scope = "\(stamp.prefix(8))/\(region)/\(service)/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(SHA256.hash(data: Data(canonical.utf8)).hex)"
        let signature = hmac(key(stamp.prefix(8)), text)
        let authorization = """
            AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), \
            SignedHeaders=\(names), Signature=\(signature.hex)
            """
        return added + [.init(name: "Authorization", value: authorization)]
    }

    /// The names that are signed, and the canonical request.
    static func canonical(_ request: Request) -> (names: String, text: String) {
        let fields = request.headers.fields
            .map { (name: $0.name.lowercased(), value: trimmed($0.value)) }
            .sorted { $0.name < $1.name }
        let names = fields.map(\.name).joined(separator: ";")
        let lines = fields.map { "\($0.name):\($0.value)\n" }.joined()
        let text = """
            \(request.method)
            \(request.path)
            \(queryText(request.query))
            \(lines)
            \(names)
            \(request.payloadHash)
            """
        return (names, text)
    }

    /// The query as it is signed and sent: sorted, everything but unreserved characters encoded, a
    /// `=` also behind a name without value.
    static func queryText(_ query: [(name: String, value: String)]) -> String {
        query.map { (encode($0.name), encode($0.value)) }
            .sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    /// Percent-encodes all but unreserved characters (RFC 3986 §2.3), slashes unless they are kept.
    static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            switch scalar {
            case "A"..."Z", "a"..."z", "0"..."9", "-", ".", "_", "~":
                result.unicodeScalars.append(scalar)
            case "/" where keepingSlashes: result += "/"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return result
    }

    /// `20130524T000000Z`
    static func stamp(_ time: Date) -> String {
        let parts = Calendar(identifier: .gregorian).dateComponents(in: .gmt, from: time)
        func pad(_ number: Int?) -> String {
            let text = String(number ?? 0)
            return text.utf8.count < 2 ? "0" + text : text
        }
        return "\(parts.year ?? 0)\(pad(parts.month))\(pad(parts.day))"
            + "T\(pad(parts.hour))\(pad(parts.minute))\(pad(parts.second))Z"
    }

    private func key(_ day: Substring) -> [UInt8] {
        let secret = Array("AWS4\(credentials.secretKey.reveal())".utf8)
        return [String(day), region, service, "aws4_request"].reduce(secret) { hmac($0, $1) }
    }

    /// Blanks at both ends go, a row of blanks within becomes one.
    private static func trimmed(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }
}

private func hmac(_ key: [UInt8], _ text: String) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: SymmetricKey(data: key)))
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits.
    var hex: String {
        var digits: [UInt8] = []
        for byte in self {
            digits.append(hexDigit(byte >> 4))
            digits.append(hexDigit(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

extension [UInt8] {
    var sha256Hex: String { SHA256.hash(data: self).hex }

    /// Without white space at the beginning.
    var trimmingLeadingSpace: [UInt8] { Array(drop { [9, 10, 13, 32].contains($0) }) }
}
