import GatewayCore
import NIOCore
import SharedConfig

extension Workspace {
    /// Dials where nothing is forbidden.
    func dial(_ destination: DialDestination) async throws -> any WorkspaceStream {
        var config = SecurityForwardingConfig()
        config.forwardingMode = .enable
        let permission = DialPermission(DestinationRules(config), to: destination)
        return try await dial(destination, permission: permission)
    }

    /// Listens at a free port of the loopback address.
    func listenAnywhere() async throws -> (any WorkspaceListener, DialDestination) {
        let listener = try await listen(.tcp(host: "127.0.0.1", port: 0))
        guard let port = listener.boundPort else { throw ConformanceFailure("a port is told") }
        return (listener, .tcp(host: "127.0.0.1", port: port))
    }

    /// Both ends of a connection to `listener`.
    func connection(
        to listener: any WorkspaceListener,
        at destination: DialDestination
    ) async throws -> (near: any WorkspaceStream, far: AcceptedStream) {
        async let accepted = listener.accept()
        let near = try await dial(destination)
        guard let far = try await accepted else {
            throw ConformanceFailure("a connection is accepted; the listener ended instead")
        }
        return (near, far)
    }
}

extension WorkspaceStream {
    func say(_ text: String) async throws { try await write(ByteBuffer(string: text)) }

    /// Everything until the end.
    func hear() async throws -> String {
        var all = ByteBuffer()
        while let bytes = try await read() { all.writeImmutableBuffer(bytes) }
        return String(buffer: all)
    }

    /// So many bytes, or fewer at the end.
    func hear(_ count: Int) async throws -> String {
        var all = ByteBuffer()
        while all.readableBytes < count, let bytes = try await read() {
            all.writeImmutableBuffer(bytes)
        }
        return String(buffer: all)
    }
}
