import Foundation
import Glibc
import SharedMessages
import Synchronization
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "Stopping and restarting the gateway",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(5)),
    .serialized
)
struct RestartTests {
    @Test("people at a terminal are told that the gateway stops, and programs are not disturbed")
    func told() async throws {
        try await Installation.with { installation in
            let person = try installation.launchSSH("cat", arguments: ["-tt"], input: .held)
            let program = try installation.launchSSH("cat", input: .held)
            for client in [person, program] { try client.write("here\n") }
            try await wait(for: "the sessions") {
                person.output.contains("here") && program.output == "here\n"
            }
            let gateway = try installation.process(.gateway)
            gateway.send(SIGTERM)
            let code = MessageCode.gatewayDraining.id
            try await wait(for: "the line") { person.errors.contains("[\(code)]") }
            #expect(person.errors.contains("this session ends in 15 seconds"))
            #expect(try await installation.get(installation.config.readyURL(.gateway)) == nil)
            #expect(!program.errors.contains(code))
            for client in [person, program] { client.send(SIGTERM) }
            #expect(try await gateway.end().status == 0)
        }
    }

    @Test("a second SIGTERM ends the connections at once, each with a reason")
    func hurried() async throws {
        try await Installation.with(["service.shutdownTimeout=10m"]) { installation in
            let client = try installation.launchSSH("cat", input: .held)
            try client.write("here\n")
            try await wait(for: "the session") { client.output == "here\n" }
            let gateway = try installation.process(.gateway)
            gateway.send(SIGTERM)
            try await installation.awaitLog(.gateway, .gatewayDraining)
            gateway.send(SIGTERM)
            let end = try await client.end()
            #expect(end.status == 255)
            #expect(end.errors.contains("[\(MessageCode.gatewayShuttingDown.id)]"), "\(end.errors)")
            #expect(try await gateway.end().status == 0)
            #expect(installation.count(.serviceStopHurried) == 1)
        }
    }

    @Test("five restarts refuse no login, and a session outlives the first gateway's listening")
    func restarts() async throws {
        try await Installation.with { installation in
            let client = try installation.launchSSH("cat", input: .held)
            try client.write("before\n")
            try await wait(for: "the session") { client.output == "before\n" }
            let people = People()
            var current = try installation.process(.gateway).id
            var all: [Int32] = []
            defer { for id in all { kill(id, SIGKILL) } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask { try await people.logIn(number, installation) }
                }
                for number in 1...5 {
                    kill(current, SIGUSR2)
                    try await installation.awaitCount(number, of: .gatewayHandedOver)
                    current = try #require(installation.successors.last)
                    all.append(current)
                    let reached = people.logins + 8
                    try await wait(for: "logins at the successor") { people.logins >= reached }
                }
                people.leave()
                try await group.waitForAll()
            }
            #expect(people.failures == [])
            #expect(Set(all).count == 5)
            #expect(try await installation.get(installation.config.readyURL(.gateway)) != nil)
            // Only the first one still has a connection.
            try await wait(for: "the idle predecessors end") { all.dropLast().allSatisfy(isGone) }
            try client.write("after\n")
            try await wait(for: "the session goes on") { client.output == "before\nafter\n" }
            try client.closeInput()
            #expect(try await client.end().status == 0)
            let first = try installation.process(.gateway)
            #expect(try await first.end().status == 0)
            #expect(try await installation.ssh("echo last").output == "last\n")
            kill(current, SIGTERM)
            try await wait(for: "the last one ends") { isGone(current) }
        }
    }

    @Test("a successor that fails changes nothing, and the next restart can succeed")
    func failing() async throws {
        try await Installation.with { installation in
            let file = URL(filePath: installation.config.file)
            let good = try Data(contentsOf: file)
            try Data("ssh: { listen: nowhere }\n".utf8).write(to: file)
            let gateway = try installation.process(.gateway)
            gateway.send(SIGUSR2)
            try await installation.awaitCount(1, of: .gatewayRestartFailed)
            #expect(installation.log(.gateway).contains("exit status 78"))
            #expect(try await installation.ssh("echo same").output == "same\n")
            // This one gets as far as taking the health listener's place.
            let late = installation.config.text.replacing(
                "listen: 127.0.0.1:\(installation.config.ports.health)",
                with: "listen: 127.0.0.1:\(installation.config.ports.authd)"
            )
            try Data(late.utf8).write(to: file)
            gateway.send(SIGUSR2)
            try await installation.awaitCount(2, of: .gatewayRestartFailed)
            #expect(try await installation.ssh("echo same").output == "same\n")
            try await wait(for: "the health listener is back") {
                try await installation.get(installation.config.readyURL(.gateway)) != nil
            }
            try good.write(to: file)
            gateway.send(SIGUSR2)
            try await installation.awaitCount(1, of: .gatewayHandedOver)
            let successor = try #require(installation.successors.last)
            defer { kill(successor, SIGKILL) }
            #expect(try await gateway.end().status == 0)
            #expect(try await installation.ssh("echo new").output == "new\n")
            kill(successor, SIGTERM)
            try await wait(for: "the successor ends") { isGone(successor) }
        }
    }
}

/// Who logs in again and again.
private final class People: Sendable {
    private struct State {
        var isOver = false
        var logins = 0
        var failures: [String] = []
    }

    private let state = Mutex(State())

    var logins: Int { state.withLock { $0.logins } }
    var failures: [String] { state.withLock { $0.failures } }

    func leave() { state.withLock { $0.isOver = true } }

    func logIn(_ number: Int, _ installation: Installation) async throws {
        while !state.withLock({ $0.isOver }) {
            let end = try await installation.ssh("echo \(number)")
            state.withLock { state in
                state.logins += 1
                guard end.output != "\(number)\n" else { return }
                state.failures.append("\(end.status): \(end.errors)")
            }
        }
    }
}

extension Installation {
    /// The processes that have taken over, in their order.
    fileprivate var successors: [Int32] {
        log(.gateway).split(separator: "\n").compactMap { line in
            guard line.contains(MessageCode.gatewayHandedOver.id),
                let label = line.firstRange(of: "\"successor\":\"")
            else { return nil }
            return Int32(line[label.upperBound...].prefix { $0.isNumber })
        }
    }
}

/// Whether a process that is not ours has ended; one that nobody collects has as well.
private func isGone(_ id: Int32) -> Bool {
    guard kill(id, 0) == 0 else { return true }
    let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)
    return text?.split(separator: ")").last?.hasPrefix(" Z") ?? true
}
