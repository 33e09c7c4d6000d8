import Foundation
import Glibc
import SharedMessages
import Testing

// Serialized: each test has an engine of its own, and stops it for some seconds.
@Suite(
    "Faults of a container engine",
    .enabled(if: PrivateEngine.isPossible, PrivateEngine.reason),
    .timeLimit(.minutes(5)),
    .serialized
)
struct EngineFaultTests {
    private static let short = [
        "docker.timeouts.http=2s", "docker.timeouts.containerStart=4s",
        "docker.timeouts.containerStop=2s", "docker.timeouts.signal=2s",
        "docker.timeouts.commandStart=4s",
    ]

    // MARK: - An engine that hangs

    @Test("people who come while the engine hangs are told; sessions go on when it does")
    func hanging() async throws {
        try await PrivateEngine.with { engine in
            try await Installation.withEngineUsers(engine.settings + Self.short) { installation in
                try await expectService(installation)
                let before = try descriptors(installation)
                let sessions = try await open(installation, [.agent, .plain])
                try engine.send(SIGSTOP)
                let start = ContinuousClock.now
                for user in EngineUser.allCases {
                    let end = try await installation.ssh("true", user.login)
                    // One that waits and has called the gateway needs no engine.
                    if user != .pooled || end.status != 0 { expectFault(end, user) }
                }
                // Some seconds each, and a busy machine needs more.
                #expect(ContinuousClock.now - start < .seconds(120))
                for session in sessions { try session.client.write("still here\n") }
                try engine.send(SIGCONT)
                for session in sessions {
                    try await wait(.seconds(150), for: "\(session.user) goes on") {
                        session.client.output == "here\nstill here\n"
                    }
                }
                try await wait(.seconds(150), for: "only theirs are left") {
                    try await people(engine).count { $0 != "berth-user-lasting" } == 2
                }
                for session in sessions {
                    try session.client.closeInput()
                    #expect(try await session.client.end().status == 0)
                }
                try await expectService(installation)
                #expect(installation.count(.dockerRemovalOwed) > 0)
                try await wait(.seconds(150), for: "what was made too late is removed") {
                    try await engine.docker("ps -aq --filter status=created").isEmpty
                }
                try await wait(.seconds(150), for: "the gateway holds nothing of it") {
                    // Idle connections to the engine come and go.
                    try descriptors(installation) <= before + 16
                }
            }
            try await expectOnlyLasting(engine)
        }
    }

    @Test("an engine that stops in the middle of an opening leaves nothing of it")
    func hangingOpening() async throws {
        let steps: [MessageCode] = [
            .dockerContainerCreate, .dockerContainerAttach, .dockerContainerStart, .dockerExec,
        ]
        try await PrivateEngine.with { engine in
            try await Installation.withEngineUsers(engine.settings + Self.short) { installation in
                for (step, user) in zip(steps, [EngineUser.agent, .agent, .session, .plain]) {
                    let count = installation.count(step)
                    let client = try installation.launchSSH("true", user.login)
                    try await wait(for: "\(step.id)", every: .milliseconds(1)) {
                        installation.count(step) > count
                    }
                    try engine.send(SIGSTOP)
                    let end = try await client.end(within: .seconds(90))
                    try engine.send(SIGCONT)
                    // The engine may have been done already.
                    if end.status != 0 { expectFault(end, user) }
                    try await expectService(installation, [user])
                }
                try await wait(.seconds(150), for: "nothing is left") {
                    try await people(engine).isEmpty
                }
            }
        }
    }

    @Test(
        "a session under an engine that hangs for too long goes on without it, or ends with a text"
    )
    func silence() async throws {
        try await PrivateEngine.with { engine in
            let settings = engine.settings + Self.short + ["docker.timeouts.silence=2s"]
            try await Installation.withEngineUsers(settings) { installation in
                let users: [EngineUser] = [.agent, .plain, .session, .lasting, .resumed]
                let sessions = try await open(installation, users)
                try engine.send(SIGSTOP)
                for session in sessions { try session.client.write("still here\n") }
                for session in sessions {
                    try await wait(.seconds(90), for: "\(session.user) goes on, or is told") {
                        // An agent that has called the gateway needs no engine.
                        session.client.output == "here\nstill here\n"
                            || session.client.errors.contains("_")
                    }
                    guard session.client.output == "here\n" else {
                        try session.client.closeInput()
                        continue
                    }
                    expectFault(try await session.client.end(within: .seconds(150)), session.user)
                }
                try engine.send(SIGCONT)
                for session in sessions { _ = try await session.client.end(within: .seconds(150)) }
                try await expectService(installation)
            }
            try await expectOnlyLasting(engine)
        }
    }

    // MARK: - An engine that ends

    @Test(
        "an engine that ends and comes back: sessions end with a text, and people can log in again",
        arguments: [SIGTERM, SIGKILL],
        [[], ["--live-restore"]]
    )
    func restarted(_ signal: Int32, _ options: [String]) async throws {
        try await PrivateEngine.with(options) { engine in
            try await Installation.withEngineUsers(engine.settings) { installation in
                let sessions = try await open(installation, EngineUser.allCases)
                let first = try await startOfLasting(engine)
                try await engine.stop(signal)
                let refused = try await installation.ssh("true", EngineUser.agent.login)
                expectFault(refused, .agent)
                try await engine.start()
                for session in sessions {
                    expectFault(try await session.client.end(within: .seconds(90)), session.user)
                }
                try await expectService(installation)
                let isSame = try await startOfLasting(engine) == first
                #expect(isSame == !options.isEmpty)
            }
            try await expectOnlyLasting(engine)
        }
    }

    // MARK: - An engine without room

    @Test("a full disk: programs get ENOSPC, and people who come are told until there is room")
    func fullForContainers() async throws {
        try await PrivateEngine.with(size: 32 << 20) { engine in
            try await Installation.withEngineUsers(engine.settings + Self.short) { installation in
                let fill = "dd if=/dev/zero of=/fill bs=65536; echo $?; cat"
                let client = try installation.launchSSH(
                    fill,
                    EngineUser.agent.login,
                    input: .held
                )
                try await wait(.seconds(150), for: "the disk is full: \(client.errors)") {
                    client.output == "1\n"
                }
                #expect(client.errors.contains("No space left on device"))
                for user in [EngineUser.agent, .plain, .session] {
                    expectFault(try await installation.ssh("true", user.login), user)
                }
                try client.closeInput()
                #expect(try await client.end().status == 0)
                try await wait(.seconds(150), for: "nothing is left") {
                    try await people(engine).isEmpty
                }
                try await expectService(installation, [.agent, .plain, .session])
            }
        }
    }

    @Test(
        "an image for which there is no room ends the login with a text",
        .enabled(if: ImageRegistry.isThere, ImageRegistry.reason)
    )
    func fullForImages() async throws {
        try await ImageRegistry.with(megabytes: 48) { registry in
            try await PrivateEngine.with(size: 32 << 20) { engine in
                try await registry.serve(in: engine)
                let settings =
                    engine.settings + [
                        "docker.execution.container.image=\(registry.image)",
                        "docker.execution.imagePullPolicy=IfNotPresent",
                    ]
                try await Installation.withEngineUsers(settings) { installation in
                    for user in [EngineUser.agent, .session] {
                        let end = try await installation.ssh("true", user.login)
                        #expect(end.status == 255)
                        let code = MessageCode.dockerImagePullFailed.id
                        #expect(end.errors.contains("[\(code)]"), "\(end.errors)")
                    }
                    #expect(installation.log(.gateway).contains("no space left on device"))
                }
                try await engine.awaitNoContainer()
            }
        }
    }

    // MARK: - Containers that end

    @Test("a container that is killed or removed by somebody ends its sessions with a text")
    func endedContainers() async throws {
        try await PrivateEngine.with { engine in
            try await Installation.withEngineUsers(engine.settings) { installation in
                for command in ["kill", "rm -f"] {
                    let users: [EngineUser] = [.agent, .plain, .session, .lasting, .resumed]
                    let sessions = try await open(installation, users)
                    let names = try await people(engine).joined(separator: " ")
                    try await engine.docker("\(command) \(names)")
                    for session in sessions {
                        let end = try await session.client.end(within: .seconds(150))
                        expectFault(end, session.user)
                    }
                }
                try await expectService(installation)
            }
            try await expectOnlyLasting(engine)
        }
    }

    @Test("who has used up the container's memory is told so")
    func outOfMemory() async throws {
        try await PrivateEngine.with { engine in
            let settings = engine.settings + ["docker.execution.host.memory=33554432"]
            try await Installation.withEngineUsers(settings) { installation in
                let code = MessageCode.containerOutOfMemory.id
                for user in EngineUser.allCases {
                    // Keeps the last line, which never ends.
                    let end = try await installation.ssh("exec tail /dev/zero", user.login)
                    #expect(end.status == 255)
                    #expect(end.errors.contains("[\(code)]"), "\(user): \(end.errors)")
                    // Somebody else's signal is no lack of memory.
                    let killed = try await installation.ssh("kill -9 $$", user.login)
                    #expect(!killed.errors.contains(code), "\(user): \(killed.errors)")
                }
            }
            try await expectOnlyLasting(engine)
        }
    }

    // MARK: - Parts

    private struct Session {
        let user: EngineUser
        let client: Program
    }

    /// A session for each user, in which `cat` runs.
    private func open(
        _ installation: Installation,
        _ users: [EngineUser]
    ) async throws -> [Session] {
        let sessions = try users.map { user in
            Session(
                user: user,
                client: try installation.launchSSH("echo here; cat", user.login, input: .held)
            )
        }
        for session in sessions {
            try await wait(.seconds(150), for: "a session of \(session.user)") {
                session.client.output == "here\n"
            }
        }
        return sessions
    }

    /// Everybody gets a container that works.
    private func expectService(
        _ installation: Installation,
        _ users: [EngineUser] = EngineUser.allCases
    ) async throws {
        for user in users {
            var end = try await installation.ssh("echo again", user.login)
            // An engine that was stopped has to catch up first.
            for _ in 0..<5 where end.status != 0 {
                end = try await installation.ssh("echo again", user.login)
            }
            #expect(end.output == "again\n", "\(user): \(end.errors)")
        }
    }

    private func expectFault(_ end: Program.End, _ user: EngineUser) {
        #expect(end.status == 255, "\(user)")
        let hasText =
            end.errors.firstMatch(of: /[a-z]\. \[(DOCKER|AGENT|CONTAINER)_[A-Z_]+\]/) != nil
        #expect(hasText, "\(user): \(end.errors)")
    }

    /// The names of all containers but those that wait in a pool.
    private func people(_ engine: PrivateEngine) async throws -> [Substring] {
        try await engine.docker("ps -a --format '{{.Names}}'").split(separator: "\n")
            .filter { !$0.hasPrefix("berth-pool-") }
    }

    private func expectOnlyLasting(_ engine: PrivateEngine) async throws {
        try await wait(.seconds(150), for: "only the container that stays is left") {
            try await engine.docker("ps -a --format '{{.Names}}'") == "berth-user-lasting\n"
        }
    }

    private func startOfLasting(_ engine: PrivateEngine) async throws -> String {
        try await engine.docker("inspect -f '{{.State.StartedAt}}' berth-user-lasting")
    }

    private func descriptors(_ installation: Installation) throws -> Int {
        HostProcesses.descriptors(try installation.process(.gateway).id)
    }
}
