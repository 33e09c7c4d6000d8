import InMemoryLogging
import Logging
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The records about a program")
struct ProgramEventsTests {
    private let log = InMemoryLogHandler()

    private func events(
        _ kind: ProgramRequest.Kind,
        showsCommand: Bool = true
    ) -> ProgramEvents {
        let log = log
        return ProgramEvents(
            ProgramRequest(kind: kind),
            showsCommand: showsCommand,
            logger: Logger(label: "test") { _ in log }
        )
    }

    private func entry(_ code: MessageCode) -> Logger.Metadata? {
        log.entries.first { $0.metadata["code"].map { "\($0)" } == code.id }?.metadata
    }

    @Test("say what ran, how it ended, and how long it took")
    func command() throws {
        events(.exec("make all")).ended(.status(2))
        let started = try #require(entry(.sessionProgramStarted))
        #expect(started["kind"] == "exec")
        #expect(started["command"] == "make all")
        let ended = try #require(entry(.sessionProgramEnded))
        #expect(ended["command"] == "make all")
        #expect(ended["exitCode"].map { "\($0)" } == "2")
        #expect(ended["duration"].flatMap { Double("\($0)") } != nil)
    }

    @Test("say the signal that ended a program")
    func signal() {
        events(.shell).ended(.signal(name: "KILL", coreDumped: false, message: ""))
        #expect(entry(.sessionProgramEnded)?["signal"] == "KILL")
    }

    @Test("hold only the length of a command where commands are not to be logged")
    func hidden() throws {
        events(.exec("login --token hunter2"), showsCommand: false).ended(.status(0))
        for code in [MessageCode.sessionProgramStarted, .sessionProgramEnded] {
            let labels = try #require(entry(code))
            #expect(labels["command"] == nil)
            #expect(labels["length"].map { "\($0)" } == "21")
        }
    }

    @Test("cut a long command")
    func long() {
        _ = events(.exec(RawText(String(repeating: "a", count: 5000))))
        let labels = entry(.sessionProgramStarted)
        #expect(labels?["command"].map { "\($0)".utf8.count } == 1024)
        #expect(labels?["length"].map { "\($0)" } == "5000")
    }
}
