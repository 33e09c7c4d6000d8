package import Logging
package import SharedConfig
import SharedHTTP
import SharedLogging
package import SharedMessages

/// Asks a daemon over HTTP whether it is well.
package enum HealthCheck {
    /// Makes one GET of the configured URL; throws a `CodedError` with code
    /// `CORE_HEALTH_CHECK_FAILED` unless the status is 200.
    package static func ask(_ target: HTTPClientConfig, logger: Logger) async throws(CodedError) {
        let reply: HTTPReply
        do {
            let client = try HTTPClient(HTTPClientOptions(target), logger: logger)
            defer { client.shutdown() }
            reply = try await client.send(HTTPCall(.get, target.healthPath, replyLimit: 65_536))
        } catch {
            let cause = CodedError(.healthRequestFailed, detail: target.url, cause: error)
            throw CodedError(.coreHealthCheckFailed, cause: cause)
        }
        guard reply.status == 200 else {
            throw CodedError(
                .coreHealthCheckFailed,
                detail: "\(target.url): status \(reply.status), \(reply.excerpt)"
            )
        }
    }
}

extension HTTPClientConfig {
    /// How to ask a daemon on this machine that listens as `server` says for its health. The
    /// certificates for a server with TLS are those of `other`, usually of `health.client`.
    package static func asking(_ server: HTTPServerConfig, like other: Self) -> Self {
        var config = other
        let address = server.address ?? .tcp(host: "127.0.0.1", port: 0)
        switch address {
        case .unix(let path): config.url = "unix://\(path)"
        case .tcp(let host, let port):
            let scheme = server.usesTLS ? "https" : "http"
            config.url = "\(scheme)://\(connectable(host)):\(port)/healthz"
        }
        return config
    }

    /// The URL of a socket has no room for a path.
    fileprivate var healthPath: String { url.hasPrefix("unix://") ? "/healthz" : "" }

    private static func connectable(_ host: String) -> String {
        switch host {
        case "0.0.0.0", "": "127.0.0.1"
        case "::": "[::1]"
        case _ where host.contains(":"): "[\(host)]"
        default: host
        }
    }
}

extension HTTPReply {
    /// The beginning of the body, which says what is wrong.
    fileprivate var excerpt: String { String(decoding: body.prefix(1000), as: UTF8.self) }
}
