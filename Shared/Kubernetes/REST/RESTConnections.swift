import NIOCore
import NIOHTTP1
import NIOPosix
import SharedConfig
import SharedTracing
import SharedWaiting
import Synchronization

/// Makes calls of the API, over connections that are used again.
final class RESTConnections: Sendable {
    private struct Idle {
        let channel: any Channel
        let handler: RESTHandler
        let certificate: ClusterCertificate?
        let since: ContinuousClock.Instant
    }

    /// Beyond, connections are closed after their call.
    private static let mostIdle = 8
    /// Servers and what is between close idle ones after a minute or more.
    private static let longestIdle = Duration.seconds(30)

    private let dialer: ClusterDialer
    private let idle = Mutex<[Idle]>([])

    init(_ dialer: ClusterDialer) { self.dialer = dialer }

    deinit { for entry in idle.withLock({ $0 }) { entry.channel.close(promise: nil) } }

    /// Makes one call; any status is an answer. Cancelling ends it.
    ///
    /// A connection that the server has closed meanwhile is replaced, unless the call may have
    /// been done.
    func send(_ call: RESTCall, as identity: CredentialSource.Identity) async throws -> RESTReply {
        guard let parent = Span.current else { return try await perform(call, identity) }
        let span = parent.child(call.method.rawValue, .client)
        defer { span.end() }
        span.set(.httpMethod, .string(call.method.rawValue))
        span.set(.urlPath, .string(String(call.path.prefix { $0 != "?" })))
        do {
            let reply = try await perform(call, identity)
            span.set(.httpStatus, .integer(reply.status))
            if reply.status >= 400 { span.fail("\(reply.status)") }
            return reply
        } catch {
            span.fail(error)
            throw error
        }
    }

    private func perform(
        _ call: RESTCall,
        _ identity: CredentialSource.Identity
    ) async throws -> RESTReply {
        if let entry = takeIdle(identity.certificate) {
            do {
                return try await exchange(call, identity, entry)
            } catch let error as ClusterUnreachable {
                guard call.method == .get, !Task.isCancelled else { throw error }
            }
        }
        return try await exchange(call, identity, try await open(identity.certificate))
    }

    private func open(_ certificate: ClusterCertificate?) async throws -> Idle {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let handler = RESTHandler(on: loop)
        let channel = try await dialer.connect(on: loop, certificate: certificate) { channel in
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        return Idle(channel: channel, handler: handler, certificate: certificate, since: .now)
    }

    private func takeIdle(_ certificate: ClusterCertificate?) -> Idle? {
        let (found, stale) = idle.withLock { list in
            let stale = list.filter {
                !$0.channel.isActive || .now - $0.since > Self.longestIdle
                    || $0.certificate != certificate
            }
            list.removeAll {
                !$0.channel.isActive || .now - $0.since > Self.longestIdle
                    || $0.certificate != certificate
            }
            return (list.popLast(), stale)
        }
        for entry in stale { entry.channel.close(promise: nil) }
        return found
    }

    private func exchange(
        _ call: RESTCall,
        _ identity: CredentialSource.Identity,
        _ entry: Idle
    ) async throws -> RESTReply {
        let channel = entry.channel
        let promise = channel.eventLoop.makePromise(of: RESTReply.self)
        let head = head(of: call, identity)
        channel.eventLoop.execute {
            entry.handler.send(
                head,
                call.body,
                limit: call.replyLimit,
                on: channel,
                promise
            )
        }
        do {
            let reply = try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            putBack(entry)
            return reply
        } catch {
            channel.close(promise: nil)
            throw Task.isCancelled ? CancellationError() : error
        }
    }

    private func putBack(_ entry: Idle) {
        let isKept = idle.withLock { list in
            guard list.count < Self.mostIdle, entry.channel.isActive else { return false }
            list.append(
                Idle(
                    channel: entry.channel,
                    handler: entry.handler,
                    certificate: entry.certificate,
                    since: .now
                )
            )
            return true
        }
        if !isKept { entry.channel.close(promise: nil) }
    }

    private func head(
        of call: RESTCall,
        _ identity: CredentialSource.Identity
    ) -> HTTPRequestHead {
        let address = dialer.options.address
        var headers = HTTPHeaders([
            ("Host", address.hostField), ("User-Agent", "berth"), ("Accept", "application/json"),
        ])
        if let authorization = identity.authorization {
            headers.add(name: "Authorization", value: authorization)
        }
        if !call.body.isEmpty || call.method == .post {
            headers.add(name: "Content-Type", value: call.contentType)
            headers.add(name: "Content-Length", value: "\(call.body.count)")
        }
        return HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: call.method.rawValue),
            uri: address.prefix + call.path,
            headers: headers
        )
    }
}
