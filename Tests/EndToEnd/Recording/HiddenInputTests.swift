import ClusterDouble
import Foundation
import Testing

/// Types to a program that asks for a password, over the real `ssh`.
enum HiddenInput {
    /// Asks when the terminal has stopped to echo, whatever the shell does first.
    private static let script = """
        echo ready_1; read first; \
        (until case "$(stty -a < /dev/tty)" in *" -echo "*) true;; *) false;; esac; \
        do sleep 0.05; done; echo ready_2) & \
        read -s password; wait; echo ready_3; read last; \
        echo "got ${#first} ${#password} ${#last}"
        """

    static func prove(
        _ installation: Installation,
        shell: String,
        login: Installation.Login = .key
    ) async throws {
        let client = try installation.launchSSH(
            "\(shell) -c '\(script)'",
            login,
            arguments: ["-tt"],
            input: .held
        )
        for (mark, text) in [
            ("ready_1", "shown-first"), ("ready_2", "hunter2"), ("ready_3", "lás"),
        ] {
            try await wait(for: "\(mark): \(client.output) \(client.errors)") {
                client.output.contains(mark)
            }
            try client.write(text + "\n")
        }
        let end = try await client.end()
        #expect(end.output.contains("got 11 7 "), "\(end.output) \(end.errors)")
        let recordings = Recordings(installation: installation)
        let events = try await recordings.show(try await recordings.finished(login.user).id).events
        let streams = events.filter { $0.type == 500 }.compactMap(\.payload)
        let typed = streams.filter { $0.stream == 0 }.map(\.text).joined()
        #expect(typed == "shown-first\n*******\nlás\n")
        let shown = streams.filter { $0.stream == 1 }.map(\.text).joined()
        #expect(shown.contains("shown-first") && !shown.contains("hunter2"))
        // What was typed stands before what became of it.
        let order = streams.map { "\($0.stream ?? 9) \($0.text)" }.joined(separator: "|")
        let password = try #require(order.range(of: "*******")).lowerBound
        #expect(try #require(order.range(of: "ready_2")).lowerBound < password)
        #expect(password < (try #require(order.range(of: "ready_3")).lowerBound))
    }

    static let settings = ["stdin", "stdout", "redactHiddenInput"].map {
        "audit.intercept.\($0)=true"
    }
}

@Suite("Hidden input", .timeLimit(.minutes(5)))
struct HiddenInputTests {
    @Test(
        "a password that a sandbox's terminal hides is not in the recording, what it shows is",
        .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason)
    )
    func sandbox() async throws {
        try await Installation.with(HiddenInput.settings) {
            try await HiddenInput.prove($0, shell: "bash")
        }
    }

    @Test(
        "the same in a Docker container",
        .enabled(if: Engine.isThere, Engine.reason)
    )
    func docker() async throws {
        try await Installation.with(["backend=docker"] + HiddenInput.settings) {
            try await HiddenInput.prove($0, shell: "sh")
        }
    }

    @Test(
        "the same in a pod",
        .enabled(if: TestCluster.isPossible, ClusterTests.reason)
    )
    func kubernetes() async throws {
        try await ClusteredInstallation.with(
            ["audit.enable=true"] + HiddenInput.settings,
            daemons: [.authd, .configd, .auditd, .gateway]
        ) {
            let login = PodUser.agent.login
            try await HiddenInput.prove($0.installation, shell: "sh", login: login)
        }
    }
}
