import Foundation
import Glibc
import SharedSystem

/// Where the kernel lets us limit a workspace: control groups of version 1, 2, or both.
package struct ControlGroups: Sendable {
    package enum Controller: String, Sendable, CaseIterable {
        case memory
        case pids
        case cpu
    }

    /// A directory in which there is one group per workspace.
    package struct Parent: Sendable, Hashable {
        package var path: String
        package var isVersion2: Bool
        package var controllers: [Controller]
    }

    package var parents: [Parent] = []
    /// Controllers that cannot be used, with the reason.
    package var missing: [(controller: Controller, reason: String)] = []

    /// Finds out what can be used for the controllers in `wanted`, and prepares it.
    ///
    /// `folder` is the name of the folder under each hierarchy's top that holds the groups.
    package static func detect(wanted: [Controller], folder: String) -> ControlGroups {
        let mounts = CgroupMount.all()
        return detect(wanted: wanted, folder: folder, mounts: mounts, own: ownVersion2Path())
    }

    package static func detect(
        wanted: [Controller],
        folder: String,
        mounts: [CgroupMount],
        own: String
    ) -> ControlGroups {
        var found = ControlGroups()
        for controller in wanted {
            do {
                found.add(controller, try parent(of: controller, folder, mounts, own))
            } catch {
                found.missing.append((controller, "\(error)"))
            }
        }
        return found
    }

    private mutating func add(_ controller: Controller, _ parent: Parent) {
        if let index = parents.firstIndex(where: { $0.path == parent.path }) {
            parents[index].controllers.append(controller)
        } else {
            parents.append(parent)
        }
    }

    private static func parent(
        of controller: Controller,
        _ folder: String,
        _ mounts: [CgroupMount],
        _ own: String
    ) throws -> Parent {
        if let mount = mounts.first(where: {
            !$0.isVersion2 && $0.options.contains(controller.rawValue)
        }) {
            let path = mount.path + "/" + folder
            try makeFolder(path)
            return Parent(path: path, isVersion2: false, controllers: [controller])
        }
        guard let mount = mounts.first(where: \.isVersion2) else {
            throw GroupProblem("no control group hierarchy is mounted")
        }
        let path = try Version2Group.prepare(controller, folder, mount: mount.path, own: own)
        return Parent(path: path, isVersion2: true, controllers: [controller])
    }

    /// This process's group of version 2, from the hierarchy's top.
    package static func ownVersion2Path() -> String {
        let text = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("0::") }
        return line.map { String($0.dropFirst(3)) } ?? "/"
    }

    package static func makeFolder(_ path: String) throws {
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw SystemFailure("mkdir \(path)", errno)
        }
    }

    /// Kills whatever is in a group.
    package static func killProcesses(of group: String) {
        let text = (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) ?? ""
        for process in text.split(separator: "\n").compactMap({ pid_t($0) }) where process > 1 {
            kill(process, SIGKILL)
        }
    }

    /// How often the kernel has killed something in a group for want of memory (cgroups(7)); `nil`
    /// for a group of which that is not known.
    package static func memoryKills(in group: String) -> Int? {
        // One of version 2, else of version 1.
        for name in ["memory.events", "memory.oom_control"] {
            let text = try? String(contentsOfFile: "\(group)/\(name)", encoding: .utf8)
            let line = text?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
            if let count = line.flatMap({ Int($0.dropFirst("oom_kill ".count)) }) { return count }
        }
        return nil
    }

    package static func write(_ value: String, to path: String) throws {
        let file = Descriptor(
            try SystemFailure.check("open \(path)", unsafe open(path, O_WRONLY | O_CLOEXEC))
        )
        let bytes = Array(value.utf8)
        let count = unsafe Glibc.write(file.number, bytes, bytes.count)
        guard count == bytes.count else { throw SystemFailure("write \(path)", errno) }
    }
}

struct GroupProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A mounted control group hierarchy, from /proc/self/mountinfo (proc(5)).
package struct CgroupMount: Sendable, Hashable {
    package var path: String
    package var isVersion2: Bool
    /// The options of the file system; with version 1 the names of its controllers.
    package var options: [String]

    package init(path: String, isVersion2: Bool, options: [String]) {
        self.path = path
        self.isVersion2 = isVersion2
        self.options = options
    }

    /// Those of this process.
    package static func all() -> [CgroupMount] {
        parse((try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? "")
    }

    package static func parse(_ mountinfo: String) -> [CgroupMount] {
        mountinfo.split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let left = halves[0].split(separator: " ")
            let right = halves[1].split(separator: " ")
            guard left.count >= 5, right.count >= 3, right[0] == "cgroup" || right[0] == "cgroup2"
            else { return nil }
            return CgroupMount(
                path: String(left[4]),
                isVersion2: right[0] == "cgroup2",
                options: right[2].split(separator: ",").map(String.init)
            )
        }
    }
}

/// Version 2: a group with processes cannot hand controllers to its children (cgroups(7), "no
/// internal processes"), so the gateway first moves itself into a leaf.
enum Version2Group {
    static func prepare(
        _ controller: ControlGroups.Controller,
        _ name: String,
        mount: String,
        own: String
    ) throws -> String {
        let base = own == "/" ? mount : mount + own
        // A gateway that has moved into its leaf on an earlier occasion.
        let top = base.hasSuffix("/" + leaf) ? String(base.dropLast(leaf.count + 1)) : base
        let offered = try list(top + "/cgroup.controllers")
        guard offered.contains(controller.rawValue) else {
            throw GroupProblem("\(top) does not offer the controller \(controller.rawValue)")
        }
        if top != mount { try makeRoom(in: top) }
        try ControlGroups.write("+\(controller.rawValue)", to: top + "/cgroup.subtree_control")
        let folder = top + "/" + name
        try ControlGroups.makeFolder(folder)
        try ControlGroups.write("+\(controller.rawValue)", to: folder + "/cgroup.subtree_control")
        return folder
    }

    static let leaf = "berth-gateway"

    private static func makeRoom(in top: String) throws {
        let inside = try list(top + "/cgroup.procs")
        guard !inside.isEmpty else { return }
        guard inside == ["\(getpid())"] else {
            throw GroupProblem("\(top) holds other processes beside the gateway")
        }
        try ControlGroups.makeFolder(top + "/" + leaf)
        try ControlGroups.write("\(getpid())", to: top + "/" + leaf + "/cgroup.procs")
    }

    private static func list(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isWhitespace)
            .map(String.init)
    }
}
