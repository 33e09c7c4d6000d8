/// The config webhook: who is asked what a person gets.
package struct ConfigServerConfig: ConfigSection {
    /// What an empty value (`false`, `0`, `""`, `[]`) in a reply means.
    package enum EmptyValues: String, ConfigChoice {
        /// `ignore` for replies of servers that cannot leave a key out, else `apply`.
        case auto
        /// The value it is.
        case apply
        /// Nothing, as if the key were absent.
        case ignore
    }

    /// An empty URL means that nobody is asked.
    package var client = HTTPClientConfig()
    /// Whether metadata marked sensitive is part of the question.
    package var transmitSensitiveMetadata = false
    /// Pause between two tries.
    package var retryInterval: Duration = .seconds(1)
    /// For all tries of one question together.
    package var retryTimeout: Duration = .seconds(60)
    package var emptyValues = EmptyValues.auto
    package var breaker = BreakerConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("transmitSensitiveMetadata", &transmitSensitiveMetadata)
        visitor.field("retryInterval", &retryInterval)
        visitor.field("retryTimeout", &retryTimeout)
        visitor.field("emptyValues", &emptyValues)
        visitor.section("breaker", &breaker, checked: !client.url.isEmpty)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard !client.url.isEmpty else { return [] }
        var list = Rules(path)
        list.check("retryInterval", retryInterval, atLeast: .milliseconds(10))
        list.check("retryTimeout", retryTimeout, atLeast: .milliseconds(100))
        return client.problems(at: path) + list.problems
    }
}
