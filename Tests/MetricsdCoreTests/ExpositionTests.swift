import MetricsClient
import SharedModels
import Testing

@testable import MetricsdCore

@Suite struct ExpositionTests {
    private func family(
        _ definition: MetricDefinition,
        _ labels: [(String, String)],
        _ value: SeriesValue
    ) throws -> MetricFamily {
        let key = try #require(SeriesKey(definition, labels: labels))
        return MetricFamily(definition: definition, samples: [.init(key, value)])
    }

    @Test("a gauge is written as ContainerSSH writes it")
    func gauge() throws {
        let gauge = try family(
            MetricCatalogue.currentConnections,
            [("country", "XX")],
            .number(1)
        )
        let expected = """
            # HELP containerssh_ssh_current_connections SSH connections that are open now.
            # UNIT containerssh_ssh_current_connections connections
            # TYPE containerssh_ssh_current_connections gauge
            containerssh_ssh_current_connections{country="XX"} 1.000000
            # EOF

            """
        #expect(Exposition.openMetrics.text([gauge]) == expected)
    }

    @Test("a metric without a sample has its three comment lines")
    func empty() {
        let family = MetricFamily(definition: MetricCatalogue.configRequests, samples: [])
        let expected = """
            # HELP containerssh_config_server_requests_total Requests sent to the configuration server.
            # UNIT containerssh_config_server_requests_total requests_total
            # TYPE containerssh_config_server_requests_total counter
            # EOF

            """
        #expect(Exposition.openMetrics.text([family]) == expected)
    }

    @Test("labels are sorted by name, and quotes, backslashes and line breaks are escaped")
    func escapes() throws {
        let family = try family(
            MetricCatalogue.authFailures,
            [("type", "a\"b"), ("reason", "c\\d"), ("authtype", "e\nf")],
            .number(2.5)
        )
        let text = Exposition.openMetrics.text([family])
        let sample = #"{authtype="e\nf",reason="c\\d",type="a\"b"} 2.500000"#
        #expect(text.contains("containerssh_auth_server_failures_total" + sample + "\n"))
    }

    @Test("a histogram has cumulative buckets, a sum and a count")
    func histogram() throws {
        let definition = MetricDefinition(
            "some_seconds",
            .histogram(bounds: [0.5, 1]),
            unit: "seconds",
            help: "Some time.",
            labels: ["backend"]
        )
        var value = HistogramValue(boundCount: 2)
        for seconds in [0.5, 0.75, 2] { value.observe(seconds, bounds: [0.5, 1]) }
        let family = try family(definition, [("backend", "docker")], .histogram(value))
        let expected = """
            # HELP some_seconds Some time.
            # TYPE some_seconds histogram
            some_seconds_bucket{backend="docker",le="0.5"} 1.000000
            some_seconds_bucket{backend="docker",le="1.0"} 2.000000
            some_seconds_bucket{backend="docker",le="+Inf"} 3.000000
            some_seconds_sum{backend="docker"} 3.250000
            some_seconds_count{backend="docker"} 3.000000

            """
        #expect(Exposition.prometheus.text([family]) == expected)
    }

    @Test(
        "the format follows the Accept header",
        arguments: [
            (nil, Exposition.openMetrics),
            ("*/*", .openMetrics),
            ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", .openMetrics),
            ("text/plain;version=0.0.4;q=0.5", .prometheus),
            ("image/png", .openMetrics),
        ] as [(String?, Exposition)]
    )
    func negotiation(header: String?, expected: Exposition) {
        #expect(Exposition(accepting: header) == expected)
    }

    @Test("every unit is a suffix of its metric's name, as OpenMetrics asks")
    func units() {
        for metric in MetricCatalogue.all { #expect(metric.name.hasSuffix("_" + metric.unit)) }
    }
}
