import BackendConformance
import BackendMachine
import Foundation
import GatewayCore
import Glibc
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import OCIBackend

@Suite(
    "A container is kept apart",
    .enabled(if: OCIMachine.isAble, OCIMachine.reason)
)
struct OCIIsolationTests {
    private func output(
        _ line: String,
        _ change: (inout OCIConfig) -> Void = { _ in }
    ) async throws -> String {
        try await OCIFixture.with(change) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                try await workspace.run(line).output
            }
        }
    }

    @Test("privileges are few, cannot be gained, and a filter is on")
    func hasFewPrivileges() async throws {
        let seen = try await output(
            "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status"
        )
        // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
        #expect(seen.contains("CapEff:\t00000000000004fb"))
        #expect(seen.contains("CapBnd:\t00000000000004fb"))
        #expect(seen.contains("NoNewPrivs:\t1"))
        #expect(seen.contains("Seccomp:\t2"))
    }

    @Test(
        "with a user namespace root is nobody out here, and the image's owners are as they were",
        arguments: OCIMachine.runtimes,
        [OCIDiskConfig.Storage.memory, .disk]
    )
    func mapsIDs(_ runtime: String, _ storage: OCIDiskConfig.Storage) async throws {
        try await OCIFixture.with({
            $0.runtime = runtime
            $0.disk.storage = storage
            $0.ids.first = 1_000_000
            $0.ids.count = 5000
        }) { fixture in
            let id = ConformanceSubject.newConnectionID()
            try await fixture.subject.withWorkspace(connectionID: id) { workspace in
                let seen = try await workspace.run(
                    """
                    id -u; cat /proc/self/uid_map | tr -s ' '; ls -ln /etc/passwd | tr -s ' ' \
                    | busybox cut -d' ' -f3,4; echo x >> /etc/passwd && echo written; touch /new /tmp/new
                    ls -ln /new | tr -s ' ' | busybox cut -d' ' -f3,4
                    """
                ).output
                #expect(seen == "0\n 0 1000000 5000\n0 0\nwritten\n0 0\n")
                let processes = OCILeftovers.groups(id).flatMap(OCILeftovers.processes)
                let process = try #require(processes.first?.split(separator: " ").last)
                let owner = try FileManager.default
                    .attributesOfItem(atPath: "/proc/\(process)")[.ownerAccountID]
                #expect((owner as? NSNumber)?.intValue == 1_000_000)
            }
            #expect(OCILeftovers.find(id, state: fixture.folder + "/state") == [])
        }
    }

    @Test("a user namespace goes with another user, a read-only image and the host's network")
    func mapsWithOthers() async throws {
        let guest = try await output("id -u; id -G; echo x > /tmp/here && cat /tmp/here") {
            $0.ids.first = 1_000_000
            $0.user = "guest"
        }
        #expect(guest.hasPrefix("1000\n"))
        #expect(guest.contains("2000"))
        #expect(guest.hasSuffix("x\n"))
        let closed = try await output("touch /x 2>/dev/null || echo no; touch /run/x && echo yes") {
            $0.ids.first = 1_000_000
            $0.disk.readOnly = true
            $0.network = .host
        }
        #expect(closed == "no\nyes\n")
    }

    @Test("another user has no privileges at all, is in its groups, and starts at home")
    func runsAsUser() async throws {
        let seen = try await output("id; pwd; grep CapEff /proc/self/status; echo $HOME $USER") {
            $0.user = "guest"
        }
        #expect(seen.contains("uid=1000(guest) gid=1000(guest) groups="))
        #expect(seen.contains("2000(extra)"))
        #expect(seen.contains("\n/home/guest\n"))
        #expect(seen.contains("CapEff:\t0000000000000000"))
        #expect(seen.contains("/home/guest guest"))
    }

    @Test("a user that the image does not have is refused with a code")
    func refusesUnknownUser() async throws {
        let error = await #expect(throws: CodedError.self) {
            try await output("id") { $0.user = "nobody-here" }
        }
        #expect(error?.code == .ociUserUnknown)
    }

    @Test("only the container's own processes and the loopback are to be seen")
    func hidesHost() async throws {
        let seen = try await output("ls /proc | grep -c '^[0-9]'; ls /sys/class/net; ls /")
        let lines = seen.split(separator: "\n")
        #expect((Int(lines.first ?? "") ?? 99) < 8)
        #expect(lines.contains("lo"))
        #expect(!lines.contains("eth0"))
    }

    @Test(
        "what reaches the host is refused",
        arguments: [
            "mount -t tmpfs x /mnt", "mknod /dev/disk b 254 0", "echo 1 > /proc/sys/kernel/panic",
            "echo b > /proc/sysrq-trigger", "hostname other",
            "cat /proc/kcore | head -c 1 | grep .",
            "touch /.berth/x", "rm /.berth/agent", "echo x > /sys/kernel/uevent_helper",
        ]
    )
    func refuses(_ line: String) async throws {
        let status = try await OCIFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                try await workspace.run(line + " 2>/dev/null").exit
            }
        }
        #expect(status != .status(0))
    }

    @Test("what one container writes no other sees, and the image stays as it was")
    func writesForItself() async throws {
        try await OCIFixture.with { fixture in
            try await fixture.subject.withWorkspace { first in
                _ = try await first.run("echo changed > /etc/passwd; touch /new; rm /bin/yes")
                try await fixture.subject.withWorkspace { second in
                    let seen = try await second.run("cat /etc/passwd; ls /new /bin/yes").output
                    #expect(seen.contains("guest"))
                    #expect(seen.hasSuffix("/bin/yes\n"))
                }
            }
        }
    }

    @Test("a full disk is what programs see, and a file that does not fit has a code")
    func reportsFullDisk() async throws {
        try await OCIFixture.with({ $0.disk.size = 1 << 20 }) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let seen = try await workspace.run("head -c 4000000 /dev/zero > /big || echo full")
                #expect(seen.output == "full\n")
                let file = WorkspaceFile(
                    path: "/other",
                    content: .init(repeating: 1, count: 2 << 20)
                )
                let error = await #expect(throws: CodedError.self) {
                    try await workspace.putFile(file)
                }
                #expect(error?.code == .agentFileFailed)
                #expect(error?.detail.contains("No space left") == true)
            }
        }
    }

    @Test("a read-only image leaves /tmp and /run to write in")
    func isReadOnly() async throws {
        let seen = try await output(
            "touch /x 2>/dev/null || echo no; touch /tmp/x /run/x && echo yes"
        ) {
            $0.disk.readOnly = true
        }
        #expect(seen == "no\nyes\n")
    }

    @Test("mounts are there, read-only unless wanted otherwise, without set-user-ID")
    func bindsMounts() async throws {
        let folder = NSTemporaryDirectory() + "berth-mount-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("shared".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
        let seen = try await output(
            "cat /srv/a/file; touch /srv/a/x 2>/dev/null || echo -no; touch /srv/b/x"
        ) {
            $0.mounts = [
                SandboxMountConfig(source: folder, target: "/srv/a"),
                SandboxMountConfig(source: folder, target: "/srv/b", readOnly: false),
            ]
        }
        #expect(seen == "shared-no\n")
        #expect(FileManager.default.fileExists(atPath: folder + "/x"))
    }

    @Test("keys of the runtime's configuration are laid over ours, mounts behind ours")
    func takesSpec() async throws {
        let seen = try await output(
            "hostname; grep -c /extra /proc/mounts; grep -c ' /tmp ' /proc/mounts"
        ) {
            $0.spec = [
                "hostname": "other",
                "mounts": [
                    [
                        "destination": "/extra", "type": "tmpfs", "source": "tmpfs",
                        "options": ["ro"],
                    ]
                ],
            ]
        }
        #expect(seen == "other\n1\n1\n")
    }

    @Test("the environment is the image's, the configuration's and the person's")
    func setsEnvironment() async throws {
        var carried = ConnectionMetadata()
        carried.environment["PERSON"] = .init("p")
        let seen = try await OCIFixture.with(
            { $0.environment = ["CONFIG": "c"] },
            carried: carried
        ) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                try await workspace.run("echo $CONFIG $PERSON $PATH").output
            }
        }
        #expect(seen.hasPrefix("c p "))
        #expect(seen.hasSuffix(":/.berth/bin\n"))
    }

    @Test("memory and processes are limited", .enabled(if: Self.hasGroups, "needs control groups"))
    func limits() async throws {
        let seen = try await output(
            "for i in $(seq 60); do sleep 60 > /dev/null & done 2>/dev/null; ls /proc | grep -c '^[0-9]'"
        ) {
            $0.pids = 16
        }
        let count = seen.split(separator: "\n").last.flatMap { Int($0) }
        #expect((count ?? 0) <= 20)
        let status = try await OCIFixture.with({
            $0.memory = 32 << 20
            $0.disk = {
                var disk = OCIDiskConfig(); disk.size = 8 << 20; disk.temporary = 8 << 20;
                return disk
            }()
        }) { fixture in
            try await fixture.subject.withWorkspace { workspace in
                try await workspace.run("head -c 100000000 /dev/zero | tail -n 1 > /dev/null").exit
            }
        }
        #expect(status != .status(0))
    }

    static var hasGroups: Bool {
        ControlGroups.detect(wanted: [.memory, .pids], folder: OCIHost.groupFolder).missing.isEmpty
    }

    @Test("an image without scp and sftp-server has both")
    func bringsTools() async throws {
        let seen = try await output("ls /.berth/bin")
        #expect(seen == "scp\nsftp-server\n")
    }
}

@Suite("Who a container's programs run as")
struct ContainerUserTests {
    private let passwd = "root:x:0:0:root:/root:/bin/sh\na:x:5:6::/home/a:/bin/sh\nbroken\n"
    private let group = "root:x:0:\ng:x:9:a,b\nh:x:10:b\n"

    private func user(_ text: String) throws -> ContainerUser {
        try ContainerUser(text, passwd: passwd, group: group)
    }

    @Test("names, numbers and groups are looked up as the image format says")
    func looksUp() throws {
        var found = try user("")
        #expect(found.user == 0 && found.home == "/root" && found.groups == [])
        found = try user("a")
        #expect(found.user == 5 && found.group == 6 && found.groups == [9])
        found = try user("5")
        #expect(found.name == "a" && found.home == "/home/a")
        found = try user("a:h")
        #expect(found.group == 10 && found.groups == [])
        found = try user("77:78")
        #expect(found.user == 77 && found.group == 78 && found.home == "/")
    }

    @Test("what is nobody is refused", arguments: ["b", "a:x", "-1", "4294967295", "a:4294967295"])
    func refuses(_ text: String) {
        let error = #expect(throws: CodedError.self) { try user(text) }
        #expect(error?.code == .ociUserUnknown)
    }
}
