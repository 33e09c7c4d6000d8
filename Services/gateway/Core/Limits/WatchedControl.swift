import SharedSSH
import Synchronization

/// Where the clocks of a connection are found once its user is known.
final class TimesSlot: Sendable {
    private enum State {
        case empty
        case running(ConnectionTimes)
        case over
    }

    private let state = Mutex(State.empty)

    var times: ConnectionTimes? {
        state.withLock { if case .running(let times) = $0 { times } else { nil } }
    }

    /// Keeps the clocks running, unless the connection has ended.
    func begin(_ times: ConnectionTimes) {
        let isOver = state.withLock { state in
            if case .over = state { return true }
            state = .running(times)
            return false
        }
        if isOver { times.cancel() }
    }

    func end() {
        let times = times
        state.withLock { $0 = .over }
        times?.cancel()
    }
}

/// A connection's control whose channels are watched: their bytes are signs of life.
struct WatchedControl: ServerConnectionControl {
    private let next: any ServerConnectionControl
    private let slot: TimesSlot

    init(_ next: any ServerConnectionControl, slot: TimesSlot) {
        self.next = next
        self.slot = slot
    }

    var traffic: ConnectionTraffic { next.traffic }

    func disconnect(_ refusal: ServerRefusal) { next.disconnect(refusal) }

    func banner(_ text: String) { next.banner(text) }

    func notify(_ text: String) { next.notify(text) }

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        let channel = try await next.openChannel(opening)
        guard let watch = slot.times?.watch(channel) else { return channel }
        return WatchedByteChannel(channel, watch: watch)
    }
}
