import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH

/// A forwarded connection through the target.
struct SSHProxyStream: WorkspaceStream {
    let channel: FarChannel

    func read() async throws -> ByteBuffer? { try await channel.next()?.bytes }

    func write(_ bytes: ByteBuffer) async throws {
        guard try await channel.write(bytes) else { throw ChannelClosed() }
    }

    func closeWrite() async { channel.sendEOF() }

    /// What was written still goes out, as far as the target takes it.
    func close() async {
        channel.close(failureCode: .sshproxySessionCloseFailed, dropsUnsent: false)
    }
}
