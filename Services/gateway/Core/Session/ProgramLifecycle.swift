/// The order of requests on one session channel (RFC 4254 §6.5: one program per channel).
///
/// Pure: says what may happen; `BackendSession` makes it happen.
struct ProgramLifecycle {
    private enum State {
        case preparing
        case starting
        case running
        case ended
    }

    private var state = State.preparing

    /// Whether environment and terminal may still be set.
    var canPrepare: Bool { state == .preparing }

    /// Whether signals and window changes have a target.
    var isRunning: Bool { state == .running }

    /// Whether a program ran here and does not any more.
    var hasEnded: Bool { state == .ended }

    /// A program is asked for; `false` when the channel already has or had one.
    mutating func startRequested() -> Bool {
        guard state == .preparing else { return false }
        state = .starting
        return true
    }

    mutating func started() {
        if state == .starting { state = .running }
    }

    /// A program that could not be started leaves the channel as it was: the client may ask for
    /// another one.
    mutating func startFailed() {
        if state == .starting { state = .preparing }
    }

    mutating func ended() { state = .ended }
}
