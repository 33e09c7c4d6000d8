import Foundation
import Testing

// Serialized: one test replaces a process that the others need.
@Suite(
    "The five processes as containers",
    .enabled(if: Engine.isThere, Engine.reason),
    .enabled(if: Engine.compose != nil, Engine.composeReason),
    .timeLimit(.minutes(5)),
    .serialized,
    ComposedSuite()
)
struct ComposeTests {
    @Test(
        "no process is root, can write to its image, gain rights, or find a shell",
        arguments: Composition.services
    )
    func confinement(_ service: DaemonName) async throws {
        let composition = try Composition.current
        let facts = try await composition.inspect(
            service,
            "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} "
                + "{{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Privileged}}"
        )
        #expect(facts == "10001:10001 true [ALL] [] [no-new-privileges:true] false")
        let status = try await status(of: composition.container(service))
        #expect(status.contains("Uid:\t10001\t10001\t10001\t10001"))
        #expect(status.contains("CapEff:\t0000000000000000"))
        #expect(status.contains("NoNewPrivs:\t1"))
        let shell = try await composition.compose(
            "exec",
            "-T",
            service.rawValue,
            "/bin/sh",
            "-c",
            ":"
        )
        #expect(shell.status != 0)
    }

    @Test("an image says what it is", arguments: Composition.services)
    func labels(_ service: DaemonName) async throws {
        let composition = try Composition.current
        let labels = try await composition.inspect(service, "{{json .Config.Labels}}")
        let values = try JSONDecoder().decode([String: String].self, from: Data(labels.utf8))
        #expect(values["org.opencontainers.image.title"] == "berth-\(service.rawValue)")
        for name in ["description", "version", "revision"] {
            #expect(values["org.opencontainers.image.\(name)"]?.isEmpty == false, "\(name)")
        }
        let stop = try await composition.inspect(service, "{{.Config.StopSignal}}")
        #expect(stop == "SIGTERM")
    }

    @Test("a login lands in a container, is recorded, and is counted")
    func login() async throws {
        let composition = try Composition.current
        let mark = "mark-\(UUID().uuidString)"
        let end = try await composition.ssh("echo \(mark); echo err >&2; hostname; exit 7")
        #expect(end.output == "\(mark)\nberth\n")
        #expect(end.errors == "err\n")
        #expect(end.status == 7)

        try await wait(for: "the recording is finished") {
            try await composition.recordings("list", "--user", "dev").contains(" finished ")
        }
        let list = try await composition.recordings("list", "--user", "dev")
        let newest = try #require(list.split(separator: " ").first)
        let recording = try await composition.recordings("show", String(newest))
        #expect(recording.contains(mark))
        try await wait(for: "the login is counted") {
            let name = "containerssh_ssh_successful_handshakes_total{country=\"XX\"} "
            let line = try await composition.metrics().split(separator: "\n")
                .first { $0.hasPrefix(name) }
            return line.flatMap { Double($0.dropFirst(name.count)) } ?? 0 >= 1
        }
    }

    @Test("a file gets into a container whose image has no program for that")
    func files() async throws {
        let end = try await Composition.current.copyKey()
        #expect(end.status == 0, "\(end.errors)")
    }

    @Test("whoever has no certificate gets no answer from a process")
    func mutualTLS() async throws {
        let composition = try Composition.current
        let refused = try await composition.compose(
            "exec",
            "-T",
            "gateway",
            "berth",
            "recording",
            "list",
            "--server",
            "https://auditd:7030",
            "--cacert",
            "/run/secrets/tls-authority"
        )
        #expect(refused.status == 1)
        #expect(refused.errors.contains("HTTP_CLIENT_CONNECTION_FAILED"), "\(refused.errors)")
    }

    @Test(
        "what people run reaches no process",
        arguments: [(DaemonName.authd, 7010), (.metricsd, 9100)]
    )
    func separation(_ service: DaemonName, port: Int) async throws {
        let composition = try Composition.current
        let addresses = try await composition.inspect(
            service,
            "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        )
        for address in addresses.split(separator: " ") {
            let end = try await composition.ssh("nc -w 2 \(address) \(port) </dev/null && echo in")
            #expect(end.output.isEmpty, "\(address): \(end.output)")
        }
        // The program that found no way would have found one that is there.
        let here =
            "(nc -l -p 7999 </dev/null &) ; sleep 1; nc -w 2 127.0.0.1 7999 </dev/null && echo in"
        let end = try await composition.ssh(here)
        #expect(end.output == "in\n", "\(end.errors)")
    }

    @Test("a process that was replaced is found again, with what it kept")
    func replacement() async throws {
        let composition = try Composition.current
        let before = try await composition.container(.authd)
        let up = try await composition.compose(
            "up",
            "-d",
            "--no-deps",
            "--force-recreate",
            "authd"
        )
        try #require(up.status == 0, "\(up.errors)")
        try await composition.awaitHealthy([.authd])
        #expect(try await composition.container(.authd) != before)
        let end = try await composition.ssh("echo again")
        #expect(end.output == "again\n", "\(end.errors)")
        #expect(end.status == 0)
    }

    /// What proc(5) has of a container's first process.
    private func status(of container: String) async throws -> String {
        let process = try await Composition.current.docker(
            "inspect",
            "--format",
            "{{.State.Pid}}",
            container
        )
        return try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    }
}
