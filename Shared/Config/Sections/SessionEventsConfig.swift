/// The session webhook: who is told when connections begin and end, and when containers are ready.
package struct SessionEventsConfig: ConfigSection {
    /// `/session` is appended; an empty URL means that nobody is told.
    package var client = HTTPClientConfig()
    /// Pause after a failed call; doubles up to a minute.
    package var retryInterval: Duration = .seconds(1)
    /// An event that could not be delivered for so long is dropped.
    package var maximumAge: Duration = .seconds(3600)
    /// Events that wait; what comes when it is full is dropped and counted in the log.
    package var queue = 10_000

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("retryInterval", &retryInterval)
        visitor.field("maximumAge", &maximumAge)
        visitor.field("queue", &queue)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard !client.url.isEmpty else { return [] }
        var list = Rules(path)
        list.check("retryInterval", retryInterval, atLeast: .milliseconds(10))
        list.check("maximumAge", maximumAge, atLeast: .seconds(1))
        list.check("queue", queue, in: 1...1_000_000)
        return client.problems(at: path) + list.problems
    }
}
