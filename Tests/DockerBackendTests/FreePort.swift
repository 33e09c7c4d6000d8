import NIOCore
import NIOPosix

/// A port for a program that cannot be asked for its own.
enum FreePort {
    /// One that nobody used a moment ago, below those that the kernel gives to clients.
    static func take() throws -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: 12_000..<30_000)
            let group = MultiThreadedEventLoopGroup.singleton
            guard
                let channel = try? ServerBootstrap(group: group)
                    .bind(host: "127.0.0.1", port: port).wait()
            else { continue }
            try channel.close().wait()
            return port
        }
        throw ChannelError.operationUnsupported
    }
}
