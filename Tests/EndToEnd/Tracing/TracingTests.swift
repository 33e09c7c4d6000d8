import Foundation
import GeoDatabase
import SharedMessages
import StubHTTPServer
import Testing
import TraceSink

extension EndToEnd {
    @Suite("Traces of real logins", .timeLimit(.minutes(10)))
    struct TracingTests {
        private static let services: Set<String> = [
            "berth-gateway", "berth-authd", "berth-configd", "berth-auditd", "berth-metricsd",
        ]

        private func settings(_ collector: String, _ more: String...) -> [String] {
            ["tracing.url=\(collector)", "tracing.interval=50ms"] + more
        }

        /// A database that metricsd is asked about.
        private func withCountries(_ body: ([String]) async throws -> Void) async throws {
            let file = FileManager.default.temporaryDirectory
                .appending(path: "berth-e2e-\(UUID().uuidString).mmdb").path
            defer { try? FileManager.default.removeItem(atPath: file) }
            var database = GeoDatabaseFile()
            database.add(127, 0, 0, bits: 8, country: "HU")
            try database.write(to: file)
            try await body(["geoip.provider=maxmind", "geoip.maxmind-geoip2-file=\(file)"])
        }

        @Test("a login is one connected tree through all five processes")
        func tree() async throws {
            try await TraceSink.run { url, sink in
                try await withCountries { countries in
                    try await Installation.with(settings(url) + countries) { installation in
                        let end = try await installation.ssh("echo here; exit 3")
                        #expect(end.status == 3)
                        try await wait(for: "the whole tree") {
                            let tree = login(sink)
                            return tree.isConnected && tree.services == Self.services
                                && tree.span("ssh.session") != nil
                                && tree.span("recording.store") != nil
                        }
                        try check(login(sink))
                        #expect(sink.faults.isEmpty)
                        #expect(Set(sink.spans.map(\.trace)).count == 1)
                        // Log lines of the login name its trace.
                        let trace = login(sink).roots[0].trace
                        for daemon in [DaemonName.gateway, .authd, .configd] {
                            #expect(installation.log(daemon).contains("\"trace_id\":\"\(trace)\""))
                        }
                    }
                }
            }
        }

        /// The trace of the first login that has ended.
        private func login(_ sink: TraceSink) -> TraceTree {
            let root = sink.spans.first { $0.name == "ssh.login" }
            return TraceTree(root?.trace ?? "", of: sink.spans)
        }

        private func check(_ tree: TraceTree) throws {
            let root = try #require(tree.roots.first)
            #expect(root.name == "ssh.login" && root.kind == 2 && root.status == 0)
            #expect(root.text("enduser.id") == Installation.user)
            #expect(root.text("berth.login.end") == "output")
            #expect(root.text("client.address") == "127.0.0.1")
            let paths = Set(tree.spans.map { tree.path(to: $0) })
            for path in [
                ["ssh.login", "ssh.key_exchange"],
                ["ssh.login", "recording.open", "recording.receive"],
                ["ssh.login", "recording.open", "recording.store"],
                ["ssh.login", "GET /country", "GET /country"],
                [
                    "ssh.login", "ssh.authentication", "ssh.authentication.attempt",
                    "POST /pubkey", "POST /pubkey",
                ],
                ["ssh.login", "ssh.configuration", "POST /config", "POST /config"],
                ["ssh.login", "backend.open"],
                ["ssh.login", "ssh.session"],
            ] { #expect(paths.contains(path), "\(path) is not among \(paths)") }
            let session = try #require(tree.span("ssh.session"))
            #expect(session.text("berth.program.kind") == "exec")
            #expect(session.attributes["berth.program.exit_code"] == .integer(3))
            #expect(session.end >= root.start)
            #expect(tree.span("POST /pubkey", of: "berth-authd")?.kind == 2)
            #expect(tree.span("POST /pubkey", of: "berth-gateway")?.kind == 3)
            // Nothing secret is anywhere.
            for span in tree.spans {
                #expect(!"\(span.attributes)".contains("echo here"))
            }
        }

        @Test("a login that is refused is a tree too, and says so")
        func refused() async throws {
            try await TraceSink.run { url, sink in
                try await Installation.with(settings(url, "tracing.usernames=false")) { it in
                    let login = Installation.Login(proof: .password("wrong secret"))
                    #expect(try await it.ssh("true", login).status == 255)
                    try await wait(for: "the whole tree") {
                        let tree = self.login(sink)
                        return tree.isConnected && tree.span("POST /password") != nil
                    }
                    let tree = self.login(sink)
                    #expect(tree.roots[0].status == 2)
                    #expect(tree.roots[0].text("berth.login.end") == "disconnected")
                    #expect(
                        tree.roots[0].text("error.type") == MessageCode.sshHandshakeFailed.id
                    )
                    #expect(sink.faults.isEmpty)
                    for span in sink.spans {
                        #expect(span.text("enduser.id") == nil)
                        #expect(!"\(span.attributes)".contains("wrong secret"))
                    }
                }
            }
        }

        enum Trouble: String, CaseIterable, Sendable {
            case isAway, neverAnswers, isBroken

            var answer: StubAnswer {
                switch self {
                case .neverAnswers: .silence
                case .isAway, .isBroken: .reply(status: 500)
                }
            }

            /// Why spans are dropped.
            var reason: String { self == .isBroken ? "refused" : "queue" }
        }

        @Test(
            "logins do not wait for a collector; what it misses is counted and said",
            arguments: Trouble.allCases
        )
        func trouble(_ trouble: Trouble) async throws {
            try await TraceSink.run { _ in
                trouble.answer
            } _: { url, sink in
                let away = "http://127.0.0.1:\(Surroundings.freePort())"
                let settings = settings(
                    trouble == .isAway ? away : url,
                    "tracing.queue=4",
                    "tracing.batch=2",
                    "tracing.timeout=1s"
                )
                try await Installation.with(settings) { installation in
                    for _ in 0..<5 {
                        let end = try await installation.ssh("echo here")
                        #expect(end.status == 0 && end.output == "here\n")
                    }
                    try await installation.awaitLog(.gateway, .tracingSpansDropped)
                    if trouble != .isBroken {
                        try await installation.awaitLog(.gateway, .tracingExportFailed)
                    }
                    let series = "berth_trace_spans_dropped_total{reason=\"\(trouble.reason)\"}"
                    let url = "http://127.0.0.1:\(installation.config.ports.scrape)/metrics"
                    try await wait(for: "\(series) on metricsd's page") {
                        try await installation.get(url)?.contains(series) == true
                    }
                    #expect(sink.spans.isEmpty)
                    // A process that cannot deliver ends all the same.
                    #expect(try await installation.stop(.gateway) == 0)
                }
            }
        }

        @Test("a collector that comes back gets what comes then")
        func recovers() async throws {
            try await TraceSink.run { call in
                call < 2 ? .reply(status: 503) : .json("{}")
            } _: { url, sink in
                try await Installation.with(settings(url)) { installation in
                    #expect(try await installation.ssh("echo here").status == 0)
                    try await wait(for: "the login's tree") { login(sink).isConnected }
                }
            }
        }

        @Test("an integrator's webhooks see the trace that they are asked in")
        func webhooks() async throws {
            try await TraceSink.run { url, sink in
                try await StubHTTPServer.run { request, _ in
                    switch request.path {
                    case "/config": .json(#"{"config":{}}"#)
                    case "/session": .json("{}")
                    default: .json(#"{"success":true}"#)
                    }
                } _: { webhook, stub in
                    let webhooks = [
                        "auth.publicKey.webhook.url=\(webhook)",
                        "auth.authz.method=webhook", "auth.authz.webhook.url=\(webhook)",
                        "configserver.url=\(webhook)/config", "sessionEvents.url=\(webhook)",
                    ]
                    try await Installation.with(settings(url) + webhooks) { installation in
                        #expect(try await installation.ssh("echo here").status == 0)
                        let paths: Set = ["/pubkey", "/authz", "/config", "/session"]
                        try await wait(for: "all webhooks are asked, and the spans of it") {
                            let asked = Set(stub.requests.map(\.path))
                            return asked == paths && login(sink).isConnected
                                && asked.allSatisfy { login(sink).span("POST \($0)") != nil }
                        }
                        let trace = login(sink).roots[0].trace
                        for request in stub.requests {
                            let header = try #require(request.headers["traceparent"])
                            let match = try #require(
                                header.wholeMatch(of: /00-([0-9a-f]{32})-([0-9a-f]{16})-01/),
                                "\(header)"
                            )
                            #expect(match.1 == trace)
                            try await wait(for: "\(request.path) is asked in a span") {
                                sink.spans.contains {
                                    $0.id == match.2 && $0.name == "POST \(request.path)"
                                        && $0.kind == 3
                                }
                            }
                        }
                    }
                }
            }
        }

        @Test("what is not sampled is not sent, and webhooks are told so")
        func unsampled() async throws {
            try await TraceSink.run { url, sink in
                try await StubHTTPServer.run { _, _ in
                    .json(#"{"success":true}"#)
                } _: { webhook, stub in
                    let settings = settings(
                        url,
                        "tracing.sample=0",
                        "auth.publicKey.webhook.url=\(webhook)"
                    )
                    try await Installation.with(settings) { installation in
                        #expect(try await installation.ssh("echo here").status == 0)
                        for name in DaemonName.allCases.reversed() {
                            try await installation.stop(name)
                        }
                    }
                    let headers = stub.requests.map { $0.headers["traceparent"] ?? "" }
                    #expect(!headers.isEmpty && headers.allSatisfy { $0.hasSuffix("-00") })
                    #expect(sink.calls == 0)
                }
            }
        }
    }
}
