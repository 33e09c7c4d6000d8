import CProcess
import Foundation
import Glibc
import SharedSystem
import Testing

@testable import BackendMachine

@Suite("Control groups of both versions")
struct ControlGroupsTests {
    @Test("mounts of both versions are read")
    func readsMounts() {
        let mounts = CgroupMount.parse(
            """
            25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw
            31 25 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
            32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
            33 25 0:29 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate
            broken line
            """
        )
        #expect(
            mounts.map(\.path) == [
                "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified",
            ]
        )
        #expect(mounts.map(\.isVersion2) == [false, false, true])
        #expect(mounts[1].options.contains("cpu"))
    }

    @Test("version 2: the gateway moves into a leaf and hands its controllers on")
    func preparesVersion2() throws {
        try withHierarchy(
            own: "/gateway.service",
            controllers: "cpu memory pids",
            inside: "\(getpid())\n"
        ) { mount in
            let found = ControlGroups.detect(
                wanted: [.memory, .pids],
                folder: "berth-sandboxes",
                mounts: [CgroupMount(path: mount, isVersion2: true, options: [])],
                own: "/gateway.service"
            )
            let top = mount + "/gateway.service"
            #expect(found.missing.isEmpty)
            #expect(
                found.parents == [
                    ControlGroups.Parent(
                        path: top + "/berth-sandboxes",
                        isVersion2: true,
                        controllers: [.memory, .pids]
                    )
                ]
            )
            let seen = try read(top + "/berth-gateway/cgroup.procs")
            #expect(seen == "\(getpid())")
        }
    }

    @Test("version 2: a group that others live in is left alone, with the reason")
    func leavesOthersAlone() throws {
        try withHierarchy(own: "/user.slice", controllers: "memory", inside: "1\n2\n") { mount in
            let found = ControlGroups.detect(
                wanted: [.memory, .cpu],
                folder: "berth-sandboxes",
                mounts: [CgroupMount(path: mount, isVersion2: true, options: [])],
                own: "/user.slice"
            )
            #expect(found.parents.isEmpty)
            #expect(found.missing.map(\.controller) == [.memory, .cpu])
            #expect(found.missing[0].reason.contains("other processes"))
            #expect(found.missing[1].reason.contains("does not offer"))
        }
    }

    @Test("nothing mounted is a reason, not a failure")
    func copesWithNothing() {
        let found = ControlGroups.detect(wanted: [.pids], folder: "x", mounts: [], own: "/")
        #expect(found.missing.map(\.controller) == [.pids])
    }

    /// Where this machine has a hierarchy of version 2, alone or beside those of version 1.
    private static let version2 =
        geteuid() == 0 ? CgroupMount.all().first(where: \.isVersion2) : nil

    @Test(
        "version 2, real: processes of a group are found and killed, and the group can go",
        .enabled(if: version2 != nil, "needs root and a mounted cgroup2")
    )
    func killsInVersion2() async throws {
        let mount = try #require(Self.version2)
        let group = "\(mount.path)/berth-test-\(UUID().uuidString)"
        try ControlGroups.makeFolder(group)
        let process = try ProcessLaunch(
            executable: "/bin/sleep",
            arguments: ["1000"],
            descriptors: [nil, nil, nil]
        ).start()
        let info = try read("/proc/self/fdinfo/\(process.number)")
        let line = try #require(info.split(separator: "\n").first { $0.hasPrefix("Pid:") })
        let id = line.dropFirst("Pid:".count).trimmingCharacters(in: .whitespaces)
        try ControlGroups.write(id, to: group + "/cgroup.procs")
        #expect(try read(group + "/cgroup.procs") == id + "\n")
        ControlGroups.killProcesses(of: group)
        var end = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
        let isReadable = unsafe poll(&end, 1, 60_000)
        #expect(isReadable == 1)
        var status: Int32 = 0
        let isReaped = unsafe berth_reap(process.number, &status)
        #expect(isReaped == 1)
        #expect(berth_term_signal(status) == SIGKILL)
        let isRemoved = unsafe rmdir(group)
        #expect(isRemoved == 0)
    }

    @Test(
        "version 2, real: a controller that it does not offer is missing, with the reason",
        .enabled(if: version2 != nil, "needs root and a mounted cgroup2")
    )
    func readsRealVersion2() throws {
        let mount = try #require(Self.version2)
        let offered = try read(mount.path + "/cgroup.controllers").split(
            whereSeparator: \.isWhitespace
        )
        let found = ControlGroups.detect(
            wanted: ControlGroups.Controller.allCases.filter { !offered.contains("\($0)") },
            folder: "berth-test",
            mounts: [mount],
            own: "/"
        )
        #expect(found.parents.isEmpty)
        #expect(found.missing.allSatisfy { $0.reason.contains("does not offer the controller") })
    }

    @Test("kills for want of memory are counted, of both versions")
    func countsMemoryKills() throws {
        try withHierarchy(own: "/a", controllers: "memory", inside: "") { mount in
            #expect(ControlGroups.memoryKills(in: mount + "/a") == nil)
            try Data("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n".utf8)
                .write(to: URL(fileURLWithPath: mount + "/a/memory.oom_control"))
            #expect(ControlGroups.memoryKills(in: mount + "/a") == 3)
            try Data("low 0\nhigh 9\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n".utf8)
                .write(to: URL(fileURLWithPath: mount + "/a/memory.events"))
            #expect(ControlGroups.memoryKills(in: mount + "/a") == 1)
        }
    }

    /// A folder that looks like a version 2 hierarchy, as far as plain files can.
    private func withHierarchy(
        own: String,
        controllers: String,
        inside: String,
        _ body: (String) throws -> Void
    ) throws {
        let mount = NSTemporaryDirectory() + "berth-groups-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: mount) }
        for (folder, files) in [
            (
                own,
                [
                    "cgroup.controllers": controllers, "cgroup.procs": inside,
                    "cgroup.subtree_control": "",
                ]
            ),
            (own + "/berth-gateway", ["cgroup.procs": ""]),
            (own + "/berth-sandboxes", ["cgroup.subtree_control": ""]),
        ] {
            try FileManager.default.createDirectory(
                atPath: mount + folder,
                withIntermediateDirectories: true
            )
            for (name, content) in files {
                try Data(content.utf8).write(to: URL(fileURLWithPath: "\(mount)\(folder)/\(name)"))
            }
        }
        try body(mount)
    }

    private func read(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }
}
