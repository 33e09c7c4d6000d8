import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH

/// A channel of the client that leads to a stream inside the workspace.
final class DirectForward: ForwardHandler {
    private let pump: StreamPump
    private let stream: any WorkspaceStream
    private let logger: Logger

    /// `logger` carries the labels that name the target.
    init(channel: any ByteChannel, stream: any WorkspaceStream, logger: Logger) {
        pump = StreamPump(channel: channel, stream: stream)
        self.stream = stream
        self.logger = logger
    }

    func run() async {
        await pump.run()
        logger.emitClosed(await pump.totals)
    }

    func closed() async {
        // Also when the connection was gone before there was anything to run.
        await stream.close()
    }
}

extension Logger {
    /// A forwarded connection is over.
    func emitClosed(_ totals: StreamPump.Totals) {
        emit(
            .forwardClosed,
            ["fromClient": "\(totals.fromClient)", "toClient": "\(totals.toClient)"]
        )
    }
}
