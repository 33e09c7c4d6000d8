import NIOCore
import SharedMessages
import SharedSSH
import Synchronization

/// How many forwarded connections one SSH connection has, in both directions together.
package final class ForwardLimit: Sendable {
    private let state = Mutex((open: 0, maximum: 0))

    package init() {}

    /// What the person may have at a time; negative for no limit. Until this is said, nothing.
    func allow(_ maximum: Int) { state.withLock { $0.maximum = maximum } }

    /// Takes a place; `false` when there is none.
    func take() -> Bool {
        state.withLock {
            guard $0.maximum < 0 || $0.open < $0.maximum else { return false }
            $0.open += 1
            return true
        }
    }

    /// Gives a place back.
    func release() { state.withLock { $0.open -= 1 } }
}

/// A forwarded connection that gives its place back at its end.
struct LimitedForward: ForwardHandler {
    let next: any ForwardHandler
    let limit: ForwardLimit

    func run() async { await next.run() }

    func closed() async {
        await next.closed()
        limit.release()
    }
}

/// Opens no more channels to the client than there are places.
struct LimitedControl: ServerConnectionControl {
    let next: any ServerConnectionControl
    let limit: ForwardLimit
    /// Called when there was no place.
    let whenFull: @Sendable () -> Void

    var traffic: ConnectionTraffic { next.traffic }

    func disconnect(_ refusal: ServerRefusal) { next.disconnect(refusal) }

    func banner(_ text: String) { next.banner(text) }

    func notify(_ text: String) { next.notify(text) }

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        guard limit.take() else {
            whenFull()
            throw ChannelOpenRefused(
                reason: ChannelOpenFailureReason.resourceShortage.rawValue,
                text: personText(.securityMaxForwards, nil)
            )
        }
        do {
            return LimitedChannel(try await next.openChannel(opening), limit: limit)
        } catch {
            limit.release()
            throw error
        }
    }
}

/// A channel to the client that gives its place back when it is closed, or forgotten.
private final class LimitedChannel: ByteChannel {
    private let next: any ByteChannel
    private let limit: ForwardLimit
    private let isReleased = Mutex(false)

    init(_ next: any ByteChannel, limit: ForwardLimit) {
        self.next = next
        self.limit = limit
    }

    deinit { release() }

    var id: UInt64 { next.id }
    var eventLoop: any EventLoop { next.eventLoop }

    func read() async throws -> ByteBuffer? { try await next.read() }
    func write(_ bytes: ByteBuffer) async throws { try await next.write(bytes) }
    func sendEOF() async { await next.sendEOF() }

    func close() async {
        await next.close()
        release()
    }

    private func release() {
        let isFirst = isReleased.withLock { isReleased in
            defer { isReleased = true }
            return !isReleased
        }
        if isFirst { limit.release() }
    }
}
