/// Something that may be waited for.
package struct WaitKey: Hashable, Sendable {
    enum Event: UInt8, Sendable {
        /// The agent's HELLO.
        case greeting
        /// Frames for the transport.
        case frames
        /// Fewer answers that wait to be taken by the agent.
        case backlog
        case pong
        /// An id's first answer.
        case answer
        case output
        /// Room for DATA towards the agent.
        case room
        case exit
        case connection
    }

    let event: Event
    /// 0 for the whole.
    let id: UInt32

    init(_ event: Event, _ id: UInt32 = 0) {
        self.event = event
        self.id = id
    }
}
