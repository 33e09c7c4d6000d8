import Logging
import SharedLogging
import SharedMessages
import SharedSSH

/// Takes the connections of one place inside the workspace and brings each to the client.
struct ForwardAcceptor: Sendable {
    let listener: any WorkspaceListener
    let control: any ServerConnectionControl
    /// After so many the place is closed.
    let mostConnections: Int
    let logger: Logger
    let opening: ForwardTable.Opening

    /// Returns once the listener is closed and the last of its connections is over.
    func run() async {
        await withDiscardingTaskGroup { group in
            var count = 0
            while count < mostConnections, let accepted = await next() {
                count += 1
                group.addTask { await carry(accepted) }
            }
            await listener.close()
        }
    }

    private func next() async -> AcceptedStream? {
        do {
            return try await listener.accept()
        } catch is CancellationError {
            return nil
        } catch {
            logger.emit(.forwardAcceptFailed, ["reason": "\(error)"])
            return nil
        }
    }

    private func carry(_ accepted: AcceptedStream) async {
        do {
            let channel = try await control.openChannel(opening(accepted))
            logger.emit(.forwardAccepted, origin(accepted))
            let pump = StreamPump(channel: channel, stream: accepted.stream)
            await pump.run()
            logger.emitClosed(await pump.totals)
        } catch let refused as ChannelOpenRefused {
            await accepted.stream.close()
            logger.emit(
                .forwardRefusedByClient,
                ["reason": "\(refused.reason)", "text": "\(refused.text)"]
            )
        } catch {
            // The connection is over: nobody is left to bring it to.
            await accepted.stream.close()
        }
    }

    private func origin(_ accepted: AcceptedStream) -> Logger.Metadata {
        guard let origin = accepted.originator else { return [:] }
        return ["originator": "\(origin.host) port \(origin.port)"]
    }
}
