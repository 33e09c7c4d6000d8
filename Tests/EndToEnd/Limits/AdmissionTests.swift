import SharedMessages
import Testing

// One installation; each test comes from an address of its own, which is a source of its own.
@Suite(
    "Who may connect",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .sharedInstallation(
        "limits.exempt=[127.0.0.1/32]",
        "limits.deny=[127.0.9.0/24]",
        "limits.perSource.connections=4",
        "limits.perSource.startups=3",
        "limits.perSource.connectionRate=8/1h",
        "limits.penalties.authFailure=10s",
        "limits.usernames.deny=[forbidden, \"glob:svc-*\"]",
        "metrics.push.interval=200ms"
    ),
    .timeLimit(.minutes(4))
)
struct AdmissionTests {
    @Test("an address that the rules deny is told so with reason 1")
    func denied() async throws {
        let installation = try Installation.current
        let end = try await installation.ssh("true", Installation.login(from: "127.0.9.1"))
        #expect(end.status == 255)
        #expect(end.errors.contains(":1: Connections from your address are not allowed."))
        #expect(end.errors.contains("[LIMITS_HOST_DENIED]"))
        try await installation.awaitLog(.gateway, .limitsHostDenied)
        let series = "berth_limits_reached_total{code=\"LIMITS_HOST_DENIED\"}"
        let page = "http://127.0.0.1:\(installation.config.ports.scrape)/metrics"
        try await wait(for: "the refusal is counted") {
            try await installation.get(page)?.contains(series) == true
        }
    }

    @Test("a source with as many connections as it may have is told so with reason 12")
    func connections() async throws {
        let installation = try Installation.current
        let login = Installation.login(from: "127.0.1.1")
        var clients: [Program] = []
        for _ in 0..<4 { clients.append(try await installation.session(login)) }
        let end = try await installation.ssh("true", login)
        #expect(end.status == 255)
        #expect(end.errors.contains(":12: There are too many connections from your address."))
        #expect(end.errors.contains("[LIMITS_SOURCE_CONNECTIONS]"))
        try clients[0].closeInput()
        #expect(try await clients[0].end().status == 0)
        try await wait(for: "there is room again") {
            try await installation.ssh("true", login).status == 0
        }
        for client in clients.dropFirst() {
            try client.closeInput()
            _ = try await client.end()
        }
    }

    @Test(
        "a source with too many clients that do not log in is refused, others are not",
        .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
    )
    func startups() async throws {
        let installation = try Installation.current
        let attack = try installation.halfOpen(4, from: ["127.0.2.1"])
        try await wait(for: "the connections are made") {
            attack.output == "127.0.2.1 3 [LIMITS_SOURCE_STARTUPS]\n"
        }
        let end = try await installation.ssh("true", Installation.login(from: "127.0.2.1"))
        #expect(end.errors.contains("[LIMITS_SOURCE_STARTUPS]"))
        let other = try await installation.ssh("true", Installation.login(from: "127.0.2.2"))
        #expect(other.status == 0)
        try attack.closeInput()
        _ = try await attack.end()
    }

    @Test("a source that connects too often is told so")
    func rate() async throws {
        let installation = try Installation.current
        let login = Installation.login(from: "127.0.3.1")
        for _ in 0..<8 { #expect(try await installation.ssh("true", login).status == 0) }
        let end = try await installation.ssh("true", login)
        #expect(end.errors.contains(":12: Your address connects too often."))
        #expect(end.errors.contains("[LIMITS_CONNECTION_RATE]"))
    }

    @Test("a source that fails is refused, listed, and let in again when it is forgiven")
    func penalties() async throws {
        let installation = try Installation.current
        let source = "127.0.4.1"
        for _ in 0..<2 { #expect(try await installation.failLogin(from: source).status == 255) }
        try await wait(for: "the penalty is given") {
            installation.log(.gateway).split(separator: "\n").contains {
                $0.contains("LIMITS_PENALTY_GIVEN") && $0.contains(source)
            }
        }
        let refused = try await installation.ssh("true", Installation.login(from: source))
        #expect(refused.errors.contains(":1: Your address is refused after failed attempts."))
        #expect(refused.errors.contains("[LIMITS_PENALIZED]"))
        let list = try await installation.penalties("list")
        #expect(list.output.contains("\(source): refused, "), "\(list.errors)")
        #expect(list.output.contains("last for authFailure"))
        #expect(try await installation.penalties("clear", source).status == 0)
        let again = try await installation.ssh("true", Installation.login(from: source))
        #expect(again.status == 0)
        try await installation.awaitLog(.gateway, .limitsPenaltyCleared)
        let unknown = try await installation.penalties("clear", source)
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("LIMITS_PENALTY_UNKNOWN"))
        let nonsense = try await installation.penalties("clear", "nonsense")
        #expect(nonsense.errors.contains("LIMITS_SOURCE_INVALID"))
    }

    @Test("a user name that the rules forbid ends the connection with reason 15")
    func username() async throws {
        let installation = try Installation.current
        for name in ["forbidden", "svc-build"] {
            var login = Installation.login(from: "127.0.5.1")
            login.user = name
            let end = try await installation.ssh("true", login)
            #expect(end.errors.contains(":15: This user name cannot be used here."))
            #expect(end.errors.contains("[LIMITS_USERNAME_REFUSED]"))
        }
    }
}
