import ClusterDouble
import Foundation
import Glibc
import SharedConfig
import SharedKubernetes
import SharedMessages
import Testing

// Serialized: a double is one thread.
@Suite(
    "Kubernetes backend, end to end",
    .enabled(if: TestCluster.isPossible, ClusterTests.reason),
    .timeLimit(.minutes(15)),
    .serialized,
    .onCluster()
)
struct KubernetesTests {
    @Test(
        "standard output, standard error and the exit status arrive apart from each other",
        arguments: PodUser.served
    )
    func streams(_ user: PodUser) async throws {
        let installation = try Installation.current
        let end = try await installation.ssh("echo out; echo err >&2; exit 7", user.login)
        #expect(end.output == "out\n")
        #expect(end.errors == "Welcome to the end-to-end tests\nerr\n")
        #expect(end.status == 7)
    }

    @Test("what comes after the end of the input still arrives", arguments: PodUser.served)
    func halfClose(_ user: PodUser) async throws {
        let end = try await Installation.current.ssh(
            "cat; sleep 0.2; echo end",
            user.login,
            input: .text("x")
        )
        #expect(end.output == "xend\n")
        #expect(end.status == 0)
    }

    @Test(
        "an interactive shell: its size, a resize, Ctrl-C and the exit status are right",
        arguments: PodUser.served
    )
    func terminal(_ user: PodUser) async throws {
        let installation = try Installation.current
        let end = try await installation.run(
            "/usr/bin/python3",
            [Surroundings.scripts.appending(path: "terminal.py").path, "/usr/bin/ssh"]
                + installation.options(user.login)
                + ["-p", "\(installation.config.ports.ssh)", "\(user.rawValue)@127.0.0.1"]
        )
        #expect(end.output == "ok\n", "\(end.errors)")
    }

    @Test("the end by a signal is told as one", arguments: [PodUser.agent, .session, .lasting])
    func signal(_ user: PodUser) async throws {
        let end = try await Installation.current.ssh(
            "kill -TERM $$",
            user.login,
            arguments: ["-v"]
        )
        #expect(end.status == 255)
        #expect(end.errors.contains("client_input_channel_req: channel 0 rtype exit-signal"))
    }

    @Test(
        "some MB through standard input and output arrive as they were sent",
        arguments: PodUser.served
    )
    func intact(_ user: PodUser) async throws {
        let installation = try Installation.current
        let file = installation.config.folder.appending(path: "random-\(user)")
        let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
        let data = try random.read(upToCount: 6_000_000) ?? Data()
        try data.write(to: file)
        let end = try await installation.ssh("cat", user.login, input: .file(file))
        #expect(end.status == 0)
        #expect(try Data(contentsOf: end.outputFile) == data)
    }

    @Test("six connections at once are all served")
    func manyConnections() async throws {
        let installation = try Installation.current
        let outputs = try await withThrowingTaskGroup(of: String.self) { group in
            for (number, user) in PodUser.served.enumerated() {
                group.addTask { try await installation.ssh("echo \(number)", user.login).output }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(outputs == Set(PodUser.served.indices.map { "\($0)\n" }))
    }

    @Test(
        "nothing is left after a client left, or was killed",
        arguments: PodUser.served,
        [false, true]
    )
    func nothingLeft(_ user: PodUser, killed: Bool) async throws {
        let current = try ClusteredInstallation.current
        let client = try await current.open(user)
        _ = try await current.pod(of: user)
        if killed { client.send(SIGKILL) } else { try client.closeInput() }
        _ = try await client.end()
        try await current.expectNothing(of: user)
    }

    @Test("a person's pod is there when they come again, with what they left in it")
    func lasting() async throws {
        let installation = try Installation.current
        let login = PodUser.lasting.login
        _ = try await installation.ssh("echo kept >/tmp/kept", login)
        #expect(try await installation.ssh("cat /tmp/kept", login).output == "kept\n")
    }

    @Test(
        "a terminal that is asked for after the program has begun is refused",
        .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
    )
    func lateTerminal() async throws {
        let installation = try Installation.current
        let script = """
            import paramiko, sys
            client = paramiko.SSHClient()
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            client.connect("127.0.0.1", int(sys.argv[1]), sys.argv[2], key_filename=sys.argv[3],
                           allow_agent=False, look_for_keys=False)
            channel = client.get_transport().open_session()
            channel.exec_command("cat")
            try:
                channel.get_pty()
                print("taken")
            except paramiko.SSHException:
                print("refused")
            """
        let end = try await installation.run(
            try #require(Surroundings.python),
            [
                "-c", script, "\(installation.config.ports.ssh)", PodUser.agent.rawValue,
                installation.userKey,
            ]
        )
        #expect(end.output == "refused\n", "\(end.errors)")
        try await installation.awaitLog(.gateway, .kubernetesProgramAlreadyRunning)
    }

    // MARK: - What becomes of a pod

    private func expect(
        _ codes: [MessageCode],
        _ client: Program,
        _ user: PodUser
    ) async throws {
        let end = try await client.end()
        #expect(end.status == 255, "\(user)")
        let isTold = codes.contains { end.errors.contains("[\($0.id)]") }
        #expect(isTold, "\(user): \(end.errors)")
        try await ClusteredInstallation.current.expectNothing(of: user)
    }

    @Test("people whose pod is evicted read so", arguments: PodUser.served)
    func evicted(_ user: PodUser) async throws {
        let current = try ClusteredInstallation.current
        let client = try await current.open(user)
        let pod = try await current.pod(of: user)
        try await current.cluster.evict(pod.name)
        try await expect([.kubernetesPodEvicted], client, user)
    }

    @Test("people whose pod is removed read so", arguments: PodUser.served)
    func deleted(_ user: PodUser) async throws {
        let current = try ClusteredInstallation.current
        let client = try await current.open(user)
        let pod = try await current.pod(of: user)
        try await current.cluster.delete(pod.name, grace: 20)
        // A watch that has to begin anew may see its end only.
        try await expect([.kubernetesPodDeleted, .kubernetesPodEnded], client, user)
    }

    @Test(
        "people whose pod uses more memory than it may read so",
        .enabled(if: !TestCluster.isLive, "a real one would need a spec of its own"),
        arguments: PodUser.served
    )
    func outOfMemory(_ user: PodUser) async throws {
        let current = try ClusteredInstallation.current
        let client = try await current.open(user)
        let pod = try await current.pod(of: user)
        try await current.cluster.double?.tell(
            "oom",
            ["namespace": "default", "name": .string(pod.name)]
        )
        try await expect([.kubernetesPodOutOfMemory], client, user)
    }

    @Test("people whose image is not there read so")
    func missingImage() async throws {
        let user = PodUser.imageless
        let end = try await Installation.current.ssh("true", user.login)
        #expect(end.status == 255)
        #expect(end.errors.contains("[\(MessageCode.kubernetesImagePullFailed.id)]"))
        try await ClusteredInstallation.current.expectNothing(of: user)
    }
}
