package import NIOCore
import SharedWaiting

/// What to run in a pod, and with which streams.
package struct PodExec: Sendable, Hashable {
    package var container: String
    /// `nil` attaches to the container's first process.
    package var command: [String]?
    package var hasInput = true
    package var hasTerminal = false

    package init(container: String, command: [String]?, hasTerminal: Bool = false) {
        self.container = container
        self.command = command
        self.hasTerminal = hasTerminal
    }
}

extension ClusterClient {
    private static let protocols = "v5.channel.k8s.io, v4.channel.k8s.io"

    /// Starts a program in a pod, or attaches to its first process, on `loop`.
    ///
    /// Throws a `ClusterRefusal`, `ClusterUnreachable`, `ClusterFault` or `CancellationError`.
    package func open(
        _ exec: PodExec,
        in name: String,
        namespace: String,
        on loop: any EventLoop,
        pulse: PodStream.Pulse = .init()
    ) async throws -> PodStream {
        let verb = exec.command == nil ? "attach" : "exec"
        var items = [("container", exec.container)]
        items += (exec.command ?? []).map { ("command", $0) }
        items += [
            ("stdin", "\(exec.hasInput)"), ("stdout", "true"), ("stderr", "\(!exec.hasTerminal)"),
            ("tty", "\(exec.hasTerminal)"),
        ]
        let path = Self.pods(namespace, name) + "/\(verb)" + query(items)
        return try await authorized { identity in
            try await self.upgrade(path, identity, on: loop, pulse)
        }
    }

    private func upgrade(
        _ path: String,
        _ identity: CredentialSource.Identity,
        on loop: any EventLoop,
        _ pulse: PodStream.Pulse
    ) async throws -> PodStream {
        let queue = PieceQueue<PodStream.Piece>(on: loop) { $0.bytes.readableBytes }
        let status = Latch<ExecStatus>()
        let opened = loop.makePromise(of: String.self)
        let key = base64((0..<16).map { _ in UInt8.random(in: .min ... .max) })
        let request = upgradeRequest(path, key, identity)
        let channel: any Channel
        do {
            channel = try await dialer.connect(on: loop, certificate: identity.certificate) {
                try $0.pipeline.syncOperations.addHandler(
                    PodStreamHandler(
                        request: request,
                        key: key,
                        queue: queue,
                        opened: opened,
                        status: status,
                        pulse: .milliseconds(Int64(pulse.interval.seconds * 1000))
                    )
                )
            }
        } catch {
            opened.fail(error)  // Harmless when the handler was quicker.
            throw error
        }
        do {
            let limit = options.timeout
            let name = try await within(limit, late: ClusterUnreachable("no answer in time")) {
                try await withTaskCancellationHandler {
                    try await opened.futureResult.get()
                } onCancel: {
                    channel.close(promise: nil)
                }
            }
            try Task.checkCancellation()
            return PodStream(channel: channel, queue: queue, status: status, name: name)
        } catch {
            channel.close(promise: nil)
            throw Task.isCancelled ? CancellationError() : error
        }
    }

    private func upgradeRequest(
        _ path: String,
        _ key: String,
        _ identity: CredentialSource.Identity
    ) -> ByteBuffer {
        let authorization = identity.authorization.map { "Authorization: \($0)\r\n" } ?? ""
        return ByteBuffer(
            string: """
                GET \(options.address.prefix)\(path) HTTP/1.1\r
                Host: \(options.address.hostField)\r
                User-Agent: berth\r
                \(authorization)Connection: Upgrade\r
                Upgrade: websocket\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Key: \(key)\r
                Sec-WebSocket-Protocol: \(Self.protocols)\r
                \r

                """
        )
    }
}
