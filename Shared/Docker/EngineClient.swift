package import Logging
package import SharedHTTP
package import SharedMessages
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A client of one container engine's HTTP API (Docker Engine API, `docs.docker.com/engine/api`).
///
/// Calls may be made from any task at once. The API version is agreed on once, with the first
/// call. What throws is a `CodedError` with the `DOCKER_…` code of the step, whose cause is an
/// `EngineRefusal` when the engine answered, or `CancellationError`.
package final class EngineClient: Sendable {
    package let address: EngineAddress
    let tls: HTTPClientOptions.TLSOptions
    private let http: HTTPClient
    private let agreed = Mutex<EngineVersion?>(nil)

    /// `timeout` is for one whole call, pulls and streams excepted.
    ///
    /// Throws `DOCKER_CONFIG_ERROR`, or what `HTTPClient` throws.
    package init(
        address: EngineAddress,
        tls: HTTPClientOptions.TLSOptions = .init(),
        timeout: Duration,
        logger: Logger
    ) throws(CodedError) {
        self.address = address
        self.tls = tls
        var options = HTTPClientOptions(url: address.url, timeout: timeout)
        options.tls = tls
        options.maximumConnections = 256
        options.replyLimit = 16 << 20
        http = try HTTPClient(options, logger: logger)
    }

    /// Ends all calls and connections but the streams.
    package func shutdown() { http.shutdown() }

    /// The agreed API version; asks the engine the first time.
    package func version() async throws -> EngineVersion {
        if let version = agreed.withLock({ $0 }) { return version }
        let reply = try await http.send(HTTPCall(.get, "/_ping"))
        guard reply.isSuccess else { throw Self.refusal(reply) }
        let stated = reply.headers["Api-Version"].flatMap { EngineVersion($0) }
        let version = min(stated ?? .unstated, .newest)
        agreed.withLock { $0 = version }
        return version
    }

    // MARK: - Calls

    /// Makes a call under the agreed version; any status but 2xx and 304 is a refusal.
    ///
    /// `limit` replaces the client's time limit.
    @discardableResult
    func send(
        _ method: HTTPCall.Method,
        _ path: EnginePath,
        body: [UInt8]? = nil,
        contentType: String = "application/json",
        within limit: Duration? = nil,
        failure code: MessageCode
    ) async throws -> HTTPReply {
        do {
            var call = try await call(method, path, body: body)
            if body != nil { call.headers["Content-Type"] = contentType }
            call.timeLimit = limit.map { .total($0) }
            let reply = try await http.send(call)
            guard reply.isSuccess || reply.status == 304 else { throw Self.refusal(reply) }
            return reply
        } catch {
            throw Self.coded(error, code)
        }
    }

    /// As `send`, with the body decoded from JSON.
    func fetch<Value: Decodable>(
        _ type: Value.Type,
        _ method: HTTPCall.Method,
        _ path: EnginePath,
        body: [UInt8]? = nil,
        within limit: Duration? = nil,
        failure code: MessageCode
    ) async throws -> Value {
        let reply = try await send(method, path, body: body, within: limit, failure: code)
        do {
            return try reply.decode(type)
        } catch {
            throw Self.coded(error, code)
        }
    }

    /// As `send`, with the body handed over as it arrives and no limit on the whole time.
    func stream(
        _ method: HTTPCall.Method,
        _ path: EnginePath,
        headers: HTTPHeaderList,
        idle: Duration,
        failure code: MessageCode,
        _ read: (HTTPReplyBody) async throws -> Void
    ) async throws {
        do {
            var call = try await call(method, path)
            for field in headers.fields { call.headers.append(field.name, field.value) }
            call.timeLimit = .idle(idle)
            try await http.withReply(to: call) { head, body in
                guard head.isSuccess else {
                    throw Self.refusal(
                        HTTPReply(head: head, body: try await Self.beginning(of: body))
                    )
                }
                try await read(body)
            }
        } catch {
            throw Self.coded(error, code)
        }
    }

    private func call(
        _ method: HTTPCall.Method,
        _ path: EnginePath,
        body: [UInt8]? = nil
    ) async throws -> HTTPCall {
        let version = try await version()
        var call = HTTPCall(method, "/v\(version)\(path.text)")
        if let body {
            call.body = body
            call.headers["Content-Type"] = "application/json"
        }
        return call
    }

    // MARK: - Errors

    private static func beginning(of body: HTTPReplyBody) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < 64 << 10, let chunk = try await body.next() { bytes += chunk }
        return bytes
    }

    private static func refusal(_ reply: HTTPReply) -> EngineRefusal {
        refusal(status: reply.status, body: reply.body)
    }

    static func refusal(status: Int, body: [UInt8]) -> EngineRefusal {
        struct Body: Decodable { var message: String }
        // A body of another form is shown as it is.
        let message = try? JSONDecoder().decode(Body.self, from: Data(body)).message
        let text = message ?? String(decoding: body.prefix(500), as: UTF8.self)
        return EngineRefusal(status: status, message: String(text.prefix(500)))
    }

    /// Gives an error the step's code; one that has a code of Docker's keeps it.
    static func coded(_ error: any Error, _ code: MessageCode) -> any Error {
        switch error {
        case is CancellationError: return error
        case let refusal as EngineRefusal:
            return CodedError(
                code,
                detail: refusal.description,
                cause: refusal,
                isRetryable: refusal.isRetryable
            )
        case let error as CodedError:
            guard !error.code.id.hasPrefix("DOCKER_") else { return error }
            return CodedError(
                code,
                detail: error.detail,
                cause: error,
                isRetryable: error.isRetryable
            )
        default: return CodedError(code, detail: "\(error)", cause: error)
        }
    }
}

extension CodedError {
    /// The engine's status, when it is the engine that refused.
    package var engineStatus: Int? { (cause as? EngineRefusal)?.status }
}
