import Foundation
import Glibc
import Testing

/// What the backend needs of this machine.
enum ContainerMachine {
    static let isAble: Bool = {
        unsafe geteuid() == 0 && access("/bin/busybox", X_OK) == 0
            && ["/usr/bin/crun", "/usr/sbin/runc", "/usr/bin/runc"]
                .contains { (path: String) in unsafe access(path, X_OK) == 0 }
    }()

    static let reason: Comment = "needs root, crun or runc, and busybox-static"
}

@Suite(
    "OCI backend, end to end",
    .enabled(if: ContainerMachine.isAble, ContainerMachine.reason),
    .timeLimit(.minutes(5))
)
struct OCITests {
    /// An installation whose image is nothing but busybox, brought in with `berth image import`.
    private func withContainers(
        _ settings: [String] = [],
        _ body: (Installation, _ state: String) async throws -> Void
    ) async throws {
        let folder = try Surroundings.temporaryFolder("oci").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let berth = Surroundings.programs.appending(path: "berth").path
        let script = """
            set -e; cd '\(folder)'; mkdir -p root/bin root/etc root/root
            cp /bin/busybox root/bin/; ln -s busybox root/bin/sh
            for tool in cat echo sleep id env hostname stty head wc ls; do
                ln -s busybox root/bin/$tool
            done
            echo 'root:x:0:0:root:/root:/bin/sh' > root/etc/passwd
            tar -C root -czf image.tar.gz .
            '\(berth)' image import busybox image.tar.gz --directory '\(folder)/images' > import.log
            """
        let status = unsafe system(script)
        try #require(status == 0)
        let all = [
            "backend=oci", "oci.image=busybox", "oci.imageDirectory=\(folder)/images",
            "oci.stateDirectory=\(folder)/state",
        ]
        try await Installation.with(all + settings) { try await body($0, folder + "/state") }
    }

    private func bundles(_ state: String) -> [String] {
        let files = FileManager.default
        let instances = (try? files.contentsOfDirectory(atPath: state + "/instances")) ?? []
        return instances.flatMap { instance in
            (try? files.contentsOfDirectory(atPath: "\(state)/instances/\(instance)/containers"))
                ?? []
        }
    }

    @Test("a password that a container's terminal hides is not in the recording")
    func hiddenInput() async throws {
        try await withContainers(HiddenInput.settings) { installation, _ in
            try await HiddenInput.prove(installation, shell: "sh")
        }
    }

    @Test("programs, a terminal, sftp and scp work on an image that has nothing but busybox")
    func works() async throws {
        try await withContainers { installation, state in
            var end = try await installation.ssh(
                "hostname; cat; echo err >&2; exit 7",
                input: .text("x")
            )
            #expect(end.output == "container\nx")
            #expect(end.errors.hasSuffix("err\n"))
            #expect(end.status == 7)
            end = try await installation.ssh("stty size", arguments: ["-tt"])
            #expect(end.output.contains(" "))
            #expect(end.status == 0)
            let file = installation.config.path("here")
            try Data("content".utf8).write(to: URL(filePath: file))
            for legacy in [[], ["-O"]] {
                let copied = try await installation.run(
                    "/usr/bin/scp",
                    legacy + installation.options(.key)
                        + ["-P", "\(installation.config.ports.ssh)", file, "dev@127.0.0.1:/tmp/a"]
                )
                #expect(copied.status == 0, "\(copied.errors)")
            }
            try await wait(for: "no container is left") { bundles(state).isEmpty }
        }
    }

    @Test("kill -9 of the gateway leaves no container, and its successor no folder")
    func killedGateway() async throws {
        try await withContainers { installation, state in
            let client = try installation.launchSSH("echo here; cat", input: .held)
            try await wait(for: "the program runs: \(client.errors)") { client.output == "here\n" }
            let ids = bundles(state)
            #expect(ids.count == 1)
            try await installation.stop(.gateway, SIGKILL)
            _ = try await client.end()
            let groups = "/sys/fs/cgroup/memory/berth-containers/" + (ids.first ?? "")
            try await wait(.seconds(20), for: "the container is gone") {
                unsafe access(groups + "/cgroup.procs", F_OK) != 0
            }
            try await installation.start([.gateway])
            try await wait(.seconds(20), for: "its folder is gone") { bundles(state).isEmpty }
            let end = try await installation.ssh("echo again")
            #expect(end.output == "again\n")
        }
    }

    @Test("people get containers that waited, each their own")
    func pool() async throws {
        try await withContainers(["oci.pool.minimum=1", "oci.pool.maximum=2"]) {
            installation,
            state in
            for _ in 0..<3 {
                try await wait(for: "one waits") { !bundles(state).isEmpty }
                let end = try await installation.ssh("ls /mine; echo x > /mine; echo $USER")
                #expect(end.output == "root\n")
            }
            #expect(installation.log(.gateway).contains("OCI_RUNTIME_CHOSEN"))
        }
    }
}
