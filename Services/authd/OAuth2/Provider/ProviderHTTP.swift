import Foundation
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import Synchronization

/// Calls a provider's endpoints, which may lie on several hosts, with one set of certificates.
///
/// Secrets travel in headers and bodies, never in addresses.
final class ProviderHTTP: Sendable {
    private let options: HTTPClientOptions
    private let logger: Logger
    private let clients = Mutex<[String: HTTPClient]>([:])

    /// Hosts of one provider; discovery cannot make us open more.
    private static let mostOrigins = 16
    private static let replyLimit = 512 << 10

    /// Reads the certificate files, so it blocks.
    init(_ config: HTTPClientConfig, logger: Logger) throws(CodedError) {
        options = try HTTPClientOptions(config)
        self.logger = logger
    }

    func get(_ url: ProviderURL, bearer: String? = nil) async throws -> HTTPReply {
        var headers: HTTPHeaderList = ["Accept": "application/json"]
        headers["Authorization"] = bearer.map { "Bearer \($0)" }
        return try await send(HTTPCall(.get, url.path, headers: headers), to: url)
    }

    func post(
        _ url: ProviderURL,
        _ fields: [FormField],
        authorization: String? = nil
    ) async throws -> HTTPReply {
        var headers: HTTPHeaderList = [
            "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded",
        ]
        headers["Authorization"] = authorization
        let body = Array(Form.encode(fields).utf8)
        return try await send(HTTPCall(.post, url.path, headers: headers, body: body), to: url)
    }

    private func send(_ call: HTTPCall, to url: ProviderURL) async throws -> HTTPReply {
        var call = call
        call.replyLimit = Self.replyLimit
        return try await client(url.origin).send(call)
    }

    private func client(_ origin: String) throws -> HTTPClient {
        try clients.withLock { clients in
            if let client = clients[origin] { return client }
            guard clients.count < Self.mostOrigins else {
                throw CodedError(.httpClientConnectionFailed, detail: "too many hosts")
            }
            var options = options
            options.url = origin
            let client = try HTTPClient(options, logger: logger)
            clients[origin] = client
            return client
        }
    }
}
