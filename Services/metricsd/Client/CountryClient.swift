package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages

/// Asks metricsd which country an address is in.
package struct CountryClient: Sendable {
    private let http: HTTPClient

    /// Reads certificate files, so it blocks. Throws a `CodedError` when those cannot be used.
    package init(_ config: HTTPClientConfig, logger: Logger) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(config), logger: logger)
    }

    /// Two capital letters; `nil` where the database has none. `address` is an IP address.
    ///
    /// Ends within a second. Throws a `CodedError` or `CancellationError`.
    package func country(of address: String) async throws -> String? {
        let path = MetricsRoutes.country + "?address=" + Self.encoded(address)
        var call = HTTPCall(.get, path, timeLimit: .total(.seconds(1)))
        call.route = MetricsRoutes.country
        let reply = try await http.send(call)
        guard reply.isSuccess else {
            throw CodedError(.geoIPLookupFailed, detail: "metricsd answered \(reply.status)")
        }
        let country = try reply.decode(CountryAnswer.self).country
        return country.utf8.count == 2 && country.utf8.allSatisfy(Self.letters.contains)
            ? country : nil
    }

    private static let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")

    /// Colons are allowed in a query (RFC 3986 §3.4); nothing else of an address needs a thought.
    private static func encoded(_ address: String) -> String {
        String(address.filter { $0.isHexDigit || $0 == "." || $0 == ":" })
    }
}

/// What metricsd answers: `XX` where it does not know.
package struct CountryAnswer: Codable, Sendable, Hashable {
    package let country: String

    package init(country: String) { self.country = country }
}
