import NIOCore
import SharedSSH

/// Carries bytes between a channel and a stream inside the workspace, in both directions, each with
/// the other's back-pressure and each with an end of its own.
///
/// Lives on the connection's event loop, as both sides do.
actor StreamPump {
    /// What was carried, for the log.
    struct Totals: Sendable {
        var fromClient = 0
        var toClient = 0
    }

    private nonisolated let channel: any ByteChannel
    private let stream: any WorkspaceStream
    private(set) var totals = Totals()

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The channel, which this actor holds, keeps the loop alive.
        unsafe channel.eventLoop.executor.asUnownedSerialExecutor()
    }

    init(channel: any ByteChannel, stream: any WorkspaceStream) {
        self.channel = channel
        self.stream = stream
    }

    private enum End: Sendable {
        /// This direction is through; the other one goes on.
        case ended
        /// Nothing can be carried in either direction any more.
        case lost
    }

    /// Returns when both directions have ended, one side is gone, or the task is cancelled; both
    /// sides are then closed.
    func run() async {
        await withTaskGroup(of: End.self) { group in
            group.addTask { await self.carryFromClient() }
            group.addTask { await self.carryToClient() }
            while let end = await group.next() {
                if case .lost = end { group.cancelAll() }
            }
        }
        await stream.close()
        await channel.close()
    }

    private func carryFromClient() async -> End {
        do {
            while let bytes = try await channel.read() {
                guard await deliver(bytes) else { return await discardInput() }
                totals.fromClient += bytes.readableBytes
            }
            await stream.closeWrite()
            return .ended
        } catch is ChannelClosed {
            // What came before is still to be read over there: without its end a workspace may
            // drop what it has not written yet.
            await stream.closeWrite()
            return .lost
        } catch {
            return .lost
        }
    }

    private func deliver(_ bytes: ByteBuffer) async -> Bool {
        do {
            try await stream.write(bytes)
            return true
        } catch {
            return false
        }
    }

    /// The far side reads no more, but may still have something to say: what comes from the client
    /// is taken and dropped, so that its window never fills.
    private func discardInput() async -> End {
        do {
            while try await channel.read() != nil {}
            return .ended
        } catch {
            return .lost
        }
    }

    private func carryToClient() async -> End {
        do {
            while let bytes = try await stream.read() {
                try await channel.write(bytes)
                totals.toClient += bytes.readableBytes
            }
            await channel.sendEOF()
            return .ended
        } catch {
            return .lost
        }
    }
}
