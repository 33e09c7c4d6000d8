import Foundation
import GeoDatabase
import Testing

extension EndToEnd {
    @Suite("Metrics", .timeLimit(.minutes(5)))
    struct MetricsTests {
        @Test(
            "a login is counted on metricsd's page",
            arguments: [
                "containerssh_ssh_connections_total{country=\"XX\"}",
                "containerssh_ssh_successful_handshakes_total{country=\"XX\"}",
                "containerssh_auth_success_total{authtype=\"pubkey\"",
                "containerssh_auth_server_requests_total{authtype=\"pubkey\"",
                "containerssh_config_server_requests_total",
                "containerssh_backend_requests_total{backend=\"sandbox\"}",
                "berth_login_stage_seconds_count{stage=\"kex\"}",
                "berth_login_stage_seconds_count{stage=\"auth\"}",
                "berth_login_stage_seconds_count{stage=\"config\"}",
                "berth_login_stage_seconds_count{stage=\"container\"}",
                "berth_login_stage_seconds_count{stage=\"first_byte\"}",
            ]
        )
        func login(series: String) async throws {
            let installation = try Installation.current
            let before = try await value(of: series, in: installation)
            #expect(try await installation.ssh("echo here").status == 0)
            try await wait(for: "\(series) grows from \(before)") {
                try await value(of: series, in: installation) > before
            }
        }

        @Test(
            "a refused login is counted on metricsd's page",
            arguments: [
                "containerssh_ssh_failed_handshakes_total{country=\"XX\"}",
                "containerssh_auth_failures_total{authtype=\"password\"",
            ]
        )
        func refusal(series: String) async throws {
            let installation = try Installation.current
            let before = try await value(of: series, in: installation)
            let login = Installation.Login(proof: .password("wrong"))
            #expect(try await installation.ssh("true", login).status == 255)
            try await wait(for: "\(series) grows from \(before)") {
                try await value(of: series, in: installation) > before
            }
        }

        @Test("every daemon reports", arguments: DaemonName.allCases.filter { $0 != .metricsd })
        func reporting(daemon: DaemonName) async throws {
            let installation = try Installation.current
            try await wait(for: "\(daemon) reports") {
                try await value(
                    of: "berth_metrics_reporting_instances{daemon=\"\(daemon.rawValue)\"}",
                    in: installation
                ) == 1
            }
        }

        @Test("the page of the suite shows every daemon that reports")
        func suite() async throws {
            let installation = try Installation.current
            let url = "http://127.0.0.1:\(installation.config.ports.scrape)/suite"
            for daemon in DaemonName.allCases where daemon != .metricsd {
                try await wait(for: "\(daemon) is ready on the page") {
                    let page = try await installation.get(url) ?? ""
                    return page.split(separator: "{").contains {
                        $0.contains("\"daemon\":\"\(daemon.rawValue)\"")
                            && $0.contains("\"state\":\"ready\"")
                    }
                }
            }
        }

        @Test("a connection is counted in the country of its address, or as XX without metricsd")
        func country() async throws {
            let file = FileManager.default.temporaryDirectory
                .appending(path: "berth-e2e-\(UUID().uuidString).mmdb").path
            defer { try? FileManager.default.removeItem(atPath: file) }
            var database = GeoDatabaseFile()
            database.add(127, 0, 0, bits: 8, country: "HU")
            try database.write(to: file)
            let settings = ["geoip.provider=maxmind", "geoip.maxmind-geoip2-file=\(file)"]
            try await Installation.with(settings) { installation in
                // An answer that comes too late for one connection serves the next.
                try await wait(for: "a connection from HU") {
                    _ = try await installation.ssh("true")
                    let series = "containerssh_ssh_connections_total{country=\"HU\"}"
                    return try await value(of: series, in: installation) >= 1
                }
                for series in [
                    "containerssh_ssh_connections_total{country=\"HU\"}",
                    "containerssh_ssh_successful_handshakes_total{country=\"HU\"}",
                ] {
                    try await wait(for: "\(series) grows") {
                        try await value(of: series, in: installation) >= 1
                    }
                }
                try await wait(for: "the connection is no longer open in its country") {
                    let series = "containerssh_ssh_current_connections{country=\"HU\"}"
                    return try await value(of: series, in: installation) == 0
                }
            }
        }

        /// The sum of the lines that begin with `series`.
        private func value(of series: String, in installation: Installation) async throws -> Double
        {
            let page = try await installation.get(
                "http://127.0.0.1:\(installation.config.ports.scrape)/metrics"
            )
            return try #require(page).split(separator: "\n")
                .filter { $0.hasPrefix(series) }
                .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
                .reduce(0, +)
        }
    }
}
