import Foundation
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
