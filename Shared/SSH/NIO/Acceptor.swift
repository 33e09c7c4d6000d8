package import NIOCore

/// One listening socket from which connections are accepted.
final class Acceptor: Sendable {
    let listener: RemoteClient.Listener
    let address: SocketAddress?
    private let channel: any Channel
    /// The loops on which its connections live.
    private let loops: [any EventLoop]

    init(_ channel: any Channel, loops: [any EventLoop]) {
        self.channel = channel
        self.loops = loops
        address = channel.localAddress
        listener = RemoteClient.Listener(channel.localAddress)
    }

    /// Stops accepting and closes this socket. What was accepted before goes on, whatever state it
    /// is in: a successor may hold the same socket and answers only what is still in its queue.
    func stop() async {
        // An acceptor that is closed already is what we want; the loops do not fail.
        try? await channel.setOption(.autoRead, value: false).get()
        await passLoops()
        try? await channel.eventLoop.submit {}.get()
        await passLoops()
        try? await channel.close()
    }

    /// Returns when the loops have done what was handed to them before.
    private func passLoops() async {
        for loop in loops { try? await loop.submit {}.get() }
    }
}

extension RemoteClient.Listener {
    init(_ address: SocketAddress?) {
        self.init(
            host: address.map { $0.pathname ?? $0.plainHost } ?? "",
            port: address?.port ?? 0
        )
    }
}

extension SocketAddress {
    /// As a listener's name.
    package var listener: RemoteClient.Listener { RemoteClient.Listener(self) }
}
