import CAgent

/// Waits for many descriptors at a time and calls who waits for them (epoll(7)).
final class Poller {
    private let descriptor: Int32
    private var readers: [Int32: () -> Void] = [:]
    private var writers: [Int32: () -> Void] = [:]
    private var watched: [Int32: Int32] = [:]

    init() { descriptor = agent_poller() }

    /// Calls `handler` whenever the descriptor is readable or has ended, until it is `nil`.
    func whenReadable(_ fd: Int32, _ handler: (() -> Void)?) {
        readers[fd] = handler
        update(fd)
    }

    func whenWritable(_ fd: Int32, _ handler: (() -> Void)?) {
        writers[fd] = handler
        update(fd)
    }

    /// To be called before the descriptor is closed.
    func forget(_ fd: Int32) {
        readers[fd] = nil
        writers[fd] = nil
        update(fd)
    }

    /// Waits once, `milliseconds` at most (-1: for ever), and calls the handlers.
    func wait(_ milliseconds: Int32) {
        let room = 64
        var events = [agent_event](repeating: agent_event(), count: room)
        let count = unsafe agent_wait(descriptor, &events, Int32(room), milliseconds)
        guard count > 0 else { return }
        for event in events.prefix(Int(count)) {
            // A handler before may have taken this one away.
            if event.events & 1 != 0, let handler = readers[event.descriptor] { handler() }
            if event.events & 2 != 0, let handler = writers[event.descriptor] { handler() }
        }
    }

    private func update(_ fd: Int32) {
        let before = watched[fd] ?? 0
        let wanted: Int32 = (readers[fd] == nil ? 0 : 1) | (writers[fd] == nil ? 0 : 2)
        guard wanted != before else { return }
        watched[fd] = wanted == 0 ? nil : wanted
        _ = agent_watch(descriptor, fd, wanted, before == 0 ? 0 : 1)
    }
}
