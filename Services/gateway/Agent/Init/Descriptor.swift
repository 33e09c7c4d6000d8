import CAgent

/// A descriptor that is closed when nobody holds it any more.
final class Descriptor {
    let number: Int32
    private let poller: Poller
    private var isOpen = true

    init(_ number: Int32, _ poller: Poller) {
        self.number = number
        self.poller = poller
    }

    deinit { close() }

    func close() {
        guard isOpen else { return }
        isOpen = false
        poller.forget(number)
        agent_close(number)
    }
}
