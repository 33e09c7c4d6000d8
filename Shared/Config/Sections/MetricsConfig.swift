/// Metrics: where they can be scraped, and where daemons send theirs.
package struct MetricsConfig: ConfigSection {
    package var enable = false
    package var path = "/metrics"
    package var server = HTTPServerConfig(listen: "0.0.0.0:9100")
    package var push = MetricsPushConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        visitor.field("path", &path)
        server.visit(&visitor)
        visitor.section("push", &push)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard enable else { return [] }
        var list = Rules(path)
        list.check(self.path.hasPrefix("/"), "path", self.path, "must begin with /")
        return server.problems(at: path) + list.problems
    }
}

/// How a daemon reports its metrics to metricsd; off while `url` is empty.
package struct MetricsPushConfig: ConfigSection {
    package var client = HTTPClientConfig()
    package var interval: Duration = .seconds(5)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("interval", &interval)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard !client.url.isEmpty else { return [] }
        var list = Rules(path)
        list.check("interval", interval, atLeast: .milliseconds(100))
        return client.problems(at: path) + list.problems
    }
}

package struct GeoIPConfig: ConfigSection {
    package enum Provider: String, ConfigChoice {
        /// Every address is in country `XX`.
        case dummy
        case maxmind
    }

    package var provider = Provider.dummy
    package var database = "/var/lib/GeoIP/GeoIP2-Country.mmdb"

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("provider", &provider)
        visitor.field("maxmind-geoip2-file", &database)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        if provider == .maxmind { list.checkSet("maxmind-geoip2-file", database) }
        return list.problems
    }
}
