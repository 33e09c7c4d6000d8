import NIOCore
import SharedConfig
import SharedWaiting

/// A client of one API server of Kubernetes.
///
/// Calls may be made from any task at once. Copies made by `limited()` share connections and
/// credentials. What throws is a `ClusterRefusal` when the server answered, else
/// `ClusterUnreachable`, `ClusterFault`, or `CancellationError`.
package struct ClusterClient: Sendable {
    package let options: ClusterOptions
    let dialer: ClusterDialer
    private let connections: RESTConnections
    private let credentials: CredentialSource
    private let limiter: RequestLimiter

    /// Throws `ClusterUnreachable` when certificates or keys are none.
    package init(_ options: ClusterOptions) throws {
        self.options = options
        dialer = ClusterDialer(options)
        try dialer.check()
        connections = RESTConnections(dialer)
        credentials = CredentialSource(options.credentials, certificate: options.certificate)
        limiter = RequestLimiter(rate: options.rate, burst: options.burst)
    }

    private init(_ other: ClusterClient, _ limiter: RequestLimiter) {
        options = other.options
        dialer = other.dialer
        connections = other.connections
        credentials = other.credentials
        self.limiter = limiter
    }

    /// The same with a rate of calls of its own.
    package func limited() -> ClusterClient {
        ClusterClient(self, RequestLimiter(rate: options.rate, burst: options.burst))
    }

    // MARK: - Calls

    static func pods(_ namespace: String, _ name: String? = nil) -> String {
        "/api/v1/namespaces/\(encoded(namespace))/pods" + (name.map { "/" + encoded($0) } ?? "")
    }

    /// Makes a call; any status but 2xx is a refusal.
    func send(_ call: RESTCall) async throws -> RESTReply {
        let limit = options.timeout
        return try await authorized { [connections] identity in
            let reply = try await within(limit, late: ClusterUnreachable("no answer in time")) {
                try await connections.send(call, as: identity)
            }
            guard (200..<300).contains(reply.status) else {
                throw ClusterRefusal(
                    status: reply.status,
                    body: reply.body,
                    retryAfter: reply.retryAfter
                )
            }
            return reply
        }
    }

    func fetch(_ call: RESTCall) async throws -> ConfigTree {
        let reply = try await send(call)
        do {
            return try JSONTree.parse(reply.body).tree
        } catch {
            throw ClusterFault.malformed("a reply that is no JSON")
        }
    }

    /// Does something under what we are to the server; once more where that has changed.
    func authorized<Value: Sendable>(
        _ body: @Sendable (CredentialSource.Identity) async throws -> Value
    ) async throws -> Value {
        try await limiter.pass()
        let identity = try await credentials.identity()
        do {
            return try await body(identity)
        } catch let refusal as ClusterRefusal where refusal.status == 401 {
            guard try await credentials.refused(identity) else { throw refusal }
            try await limiter.pass()
            return try await body(try await credentials.identity())
        }
    }
}
