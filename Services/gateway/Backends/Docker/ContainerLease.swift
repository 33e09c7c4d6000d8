/// Who a container belongs to, and how long it may outlive that.
///
/// A container whose gateway has died ends by itself: its first process reads from a connection
/// that the gateway holds open (`attach`), and the end of that ends the process; the engine then
/// removes the container. What the engine does not remove (a container that never ran, or one
/// configured with `autoremove: false`) any gateway removes once the time in the label is over.
struct ContainerLease: Sendable {
    static let instanceLabel = "berth.instance"
    static let connectionLabel = "berth.connection"
    static let leaseLabel = "berth.lease"

    /// This process; another one with every start.
    let instance: String
    /// How long a container may be there without running.
    let time: Duration

    func labels(connectionID: String) -> [String: String] {
        [
            Self.instanceLabel: instance,
            Self.connectionLabel: connectionID,
            Self.leaseLabel: "\(time.components.seconds)",
        ]
    }

    /// Whether anybody may remove a container that is in `state` and `age` old.
    static func isOver(state: String, age: Duration, labels: [String: String]) -> Bool {
        guard ["created", "exited", "dead"].contains(state) else { return false }
        guard let seconds = labels[leaseLabel].flatMap({ Int64($0) }) else { return false }
        return age > .seconds(seconds)
    }
}
