/// The health server, and how `--healthcheck` asks it.
package struct HealthConfig: ConfigSection {
    package var enable = false
    package var server = HTTPServerConfig(listen: "0.0.0.0:7000")
    package var client = HTTPClientConfig(url: "http://127.0.0.1:7000/")

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        server.visit(&visitor)
        visitor.section("client", &client, checked: enable)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard enable else { return [] }
        var list = Rules(path)
        list.check(!client.url.isEmpty, "client.url", nil, "must be set")
        return server.problems(at: path) + list.problems
    }
}

/// What all daemons share.
package struct ServiceConfig: ConfigSection {
    /// For draining after the first signal; what is left then is cancelled.
    package var shutdownTimeout: Duration = .seconds(20)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("shutdownTimeout", &shutdownTimeout)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("shutdownTimeout", shutdownTimeout, atLeast: .zero)
        return list.problems
    }
}
