package import Logging
import SharedLogging
package import SharedMessages
import SharedTracing

/// Makes HTTP/1.1 calls to one base URL, over TCP, TLS or a Unix socket.
///
/// Calls may be made from any task at once; connections are kept and used again. All network work
/// happens on a thread of the client's own. Proxy variables of the environment are not heeded.
/// Every call either returns a reply, throws a `CodedError` (`HTTP_CLIENT_…`), or throws
/// `CancellationError` when its task is cancelled. Whoever makes a client ends it with
/// `shutdown()`; a client that nobody holds any more ends by itself.
package final class HTTPClient: Sendable {
    private let options: HTTPClientOptions
    /// `options.url`, or for a Unix socket a stand-in for it.
    private let base: String
    private let socketPath: String?
    /// As spans name it.
    private let server: (host: String, port: Int)
    private let loop: CurlLoop
    private let logger: Logger

    /// Throws a `CodedError` with code `HTTP_CLIENT_ENCODE_FAILED` when the URL is none of ours.
    package init(_ options: HTTPClientOptions, logger: Logger) throws(CodedError) {
        self.options = options
        self.logger = logger
        if options.url.hasPrefix("unix:///") {
            socketPath = String(options.url.dropFirst("unix://".count))
            base = "http://localhost"
            server = ("localhost", 0)
        } else {
            guard let url = CurlURL(options.url), ["http", "https"].contains(url.scheme) else {
                throw CodedError(
                    .httpClientEncodeFailed,
                    detail: "\(options.url) is no http, https or unix URL"
                )
            }
            socketPath = nil
            base = options.url
            server = (url.host, url.port)
        }
        do {
            loop = try CurlLoop(
                maximumConnections: options.maximumConnections,
                maximumCalls: options.maximumCalls
            )
        } catch {
            throw CodedError(.httpClientEncodeFailed, cause: error)
        }
    }

    deinit { loop.stop() }

    /// Fails every call under way and closes all connections.
    package func shutdown() { loop.stop() }

    /// Makes a call and collects the reply, whatever its status.
    ///
    /// A body above the limit fails with `HTTP_CLIENT_REPLY_TOO_LARGE`. `logger` replaces the
    /// client's for this call, so that its lines carry the connection they belong to.
    package func send(_ call: HTTPCall, logger: Logger? = nil) async throws -> HTTPReply {
        let limit = call.replyLimit ?? options.replyLimit
        return try await withReply(to: call, logger: logger) { head, body in
            var bytes: [UInt8] = []
            while let chunk = try await body.next() {
                guard chunk.count <= limit - bytes.count else {
                    throw CodedError(
                        .httpClientReplyTooLarge,
                        detail: "\(self.describe(call)): more than \(limit) bytes"
                    )
                }
                bytes += chunk
            }
            return HTTPReply(head: head, body: bytes)
        }
    }

    /// Makes a call and hands over the head of the reply and its body as it arrives.
    ///
    /// The server is slowed down to the speed at which `read` takes chunks. When `read` returns
    /// before the end of the body the call is broken off and its connection closed.
    package func withReply<Result>(
        to call: HTTPCall,
        logger: Logger? = nil,
        _ read: (HTTPReplyHead, HTTPReplyBody) async throws -> Result
    ) async throws -> Result {
        guard let parent = Span.current else { return try await perform(call, nil, logger, read) }
        let span = parent.child(call.spanName, .client, attributes(call))
        defer { span.end() }
        do {
            return try await perform(call.carrying(span.context), span, logger, read)
        } catch {
            span.fail(error)
            throw error
        }
    }

    private func perform<Result>(
        _ call: HTTPCall,
        _ span: Span?,
        _ logger: Logger?,
        _ read: (HTTPReplyHead, HTTPReplyBody) async throws -> Result
    ) async throws -> Result {
        let logger = logger ?? self.logger
        var hop = try Hop(call, base: base, options: options)
        while true {
            let transfer = CurlTransfer(try hop.plan(options, socketPath: socketPath))
            logger.emit(.httpClientRequest, labels(call))
            guard loop.start(transfer) else {
                throw CodedError(
                    .httpClientConnectionFailed,
                    detail: "\(describe(call)): too many calls under way, or shut down",
                    isRetryable: true
                )
            }
            defer { loop.cancel(transfer) }
            let result = try await withTaskCancellationHandler {
                try await self.read(call, transfer, span, logger, read)
            } onCancel: { [loop] in
                loop.cancel(transfer)
            }
            switch result {
            case .done(let value): return value
            case .follow(let location, let status): try hop.follow(location, status: status)
            }
        }
    }

    private enum HopResult<Result> {
        case done(Result)
        case follow(location: String, status: Int)
    }

    private func read<Result>(
        _ call: HTTPCall,
        _ transfer: CurlTransfer,
        _ span: Span?,
        _ logger: Logger,
        _ read: (HTTPReplyHead, HTTPReplyBody) async throws -> Result
    ) async throws -> HopResult<Result> {
        do {
            let head = try await transfer.stream.head()
            span?.answered(head.status)
            logger.emit(
                .httpClientResponse,
                labels(call).merging(["statusCode": "\(head.status)"]) { $1 }
            )
            if Hop.isRedirect(head.status), let location = head.headers["Location"] {
                return .follow(location: try redirect(call, location, logger), status: head.status)
            }
            return .done(try await read(head, HTTPReplyBody(transfer, loop)))
        } catch let failure as CurlFailure {
            let error = CodedError(
                .httpClientConnectionFailed,
                detail: describe(call),
                cause: failure,
                isRetryable: true
            )
            logger.emit(.httpClientConnectionFailed, labels(call), text: error.description)
            throw error
        }
    }

    private func redirect(
        _ call: HTTPCall,
        _ location: String,
        _ logger: Logger
    ) throws(CodedError) -> String {
        let place = loggable(location) ?? "a relative address"
        guard options.allowRedirects else {
            throw CodedError(
                .httpClientRedirectsDisabled,
                detail: "\(describe(call)): redirected to \(place)"
            )
        }
        logger.emit(.httpClientRedirect, labels(call).merging(["redirect": "\(place)"]) { $1 })
        return location
    }

    private func labels(_ call: HTTPCall) -> Logger.Metadata {
        [
            "endpoint": "\(endpoint)", "path": "\(pathOnly(call))",
            "method": "\(call.method.rawValue)",
        ]
    }

    private func attributes(_ call: HTTPCall) -> [SpanAttribute] {
        var attributes = [
            SpanAttribute(.httpMethod, .string(call.method.rawValue)),
            SpanAttribute(.urlFull, .string(loggable(base + pathOnly(call)) ?? endpoint)),
        ]
        if let socketPath {
            attributes.append(SpanAttribute(.transport, "unix"))
            attributes.append(SpanAttribute(.serverAddress, .string(socketPath)))
        } else {
            attributes.append(SpanAttribute(.serverAddress, .string(server.host)))
            attributes.append(SpanAttribute(.serverPort, .integer(server.port)))
        }
        return attributes
    }

    private func describe(_ call: HTTPCall) -> String {
        "\(call.method.rawValue) \(endpoint)\(pathOnly(call))"
    }

    /// Queries can hold secrets, as presigned addresses do.
    private func pathOnly(_ call: HTTPCall) -> Substring { call.path.prefix { $0 != "?" } }

    private var endpoint: String {
        socketPath.map { "unix://" + $0 } ?? loggable(base) ?? ""
    }
}

private func loggable(_ url: String) -> String? {
    guard let url = CurlURL(url) else { return nil }
    return url.loggable
}
