import Foundation
import Glibc
import SharedMessages
import SharedSystem

/// What a gateway keeps on disk for its sandboxes: `instances/<id>/` with a lock it holds while it
/// lives, one lease per sandbox, and the parts that all of them mount.
///
/// The parts must be reachable for the users that sandboxes run as. Where a folder above is closed
/// to them (a checkout in `/root`), they lie in `/run` or `/tmp` and `parts` is a link there.
///
/// A lock rather than a process number tells whether its owner lives: the kernel gives it back
/// however the owner ends, and numbers mean nothing across pid namespaces. The folder must not be
/// shared between machines.
final class StateFolder: Sendable {
    /// Where to put what sandboxes mount.
    let parts: String
    private let path: String
    private let lock: Descriptor
    private let root: String

    private static let lockName = "lock"
    private static let leasesName = "leases"
    private static let partsName = "parts"
    /// Seconds that making or removing an instance never takes.
    private static let oldAge = 3600.0

    init(root: String) throws {
        self.root = root
        let name = UUID().uuidString.lowercased()
        path = root + "/instances/" + name
        do {
            try Self.makeFolder(path, mode: 0o711)
            try Self.makeFolder(path + "/" + Self.leasesName, mode: 0o700)
            lock = try Self.makeLock(in: path)
            parts = try Self.makeParts(in: path, name)
        } catch {
            throw CodedError(.sandboxStateUnusable, detail: root, cause: error)
        }
    }

    deinit { Self.remove(path) }

    /// The lock has its name only once it is held: whoever finds it free finds a dead owner.
    private static func makeLock(in path: String) throws -> Descriptor {
        let file = path + "/" + lockName
        let number = unsafe open(file + ".new", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        let lock = Descriptor(try SystemFailure.check("open \(file)", number))
        _ = try SystemFailure.check("flock", flock(lock.number, LOCK_EX | LOCK_NB))
        _ = try SystemFailure.check("rename \(file)", unsafe rename(file + ".new", file))
        return lock
    }

    // MARK: - Leases

    /// Notes what a sandbox has outside of its own namespaces.
    func addLease(_ id: String, groups: [String]) throws {
        let data = try JSONEncoder().encode(Lease(groups: groups))
        try data.write(to: URL(fileURLWithPath: leasePath(id)))
    }

    func removeLease(_ id: String) { _ = unsafe unlink(leasePath(id)) }

    private func leasePath(_ id: String) -> String { "\(path)/\(Self.leasesName)/\(id)" }

    // MARK: - What dead gateways left

    /// Removes what gateways that no longer live have left; the number of sandboxes.
    func sweep() -> Int {
        let instances = root + "/instances"
        return Self.names(in: instances).reduce(0) { $0 + Self.sweep(instances + "/" + $1) }
    }

    private static func sweep(_ instance: String) -> Int {
        let number = unsafe open(instance + "/" + lockName, O_RDWR | O_CLOEXEC)
        guard number >= 0 else {
            // Being made, or being removed; if neither, it was left at that point.
            if isOld(instance) { remove(instance) }
            return 0
        }
        let lock = Descriptor(number)
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { return 0 }
        let leases = instance + "/" + leasesName
        var removed = 0
        var isClean = true
        for name in names(in: leases) {
            let lease = leases + "/" + name
            let groups = Lease.read(lease)?.groups ?? []
            groups.forEach(killProcesses)
            guard SandboxGroup(paths: groups).remove() else {
                isClean = false
                continue
            }
            _ = unsafe unlink(lease)
            removed += 1
        }
        // What is still in use is tried again at the next sweep.
        if isClean { remove(instance) }
        return removed
    }

    private static func isOld(_ instance: String) -> Bool {
        let facts = try? FileManager.default.attributesOfItem(atPath: instance)
        let changed = facts?[.modificationDate] as? Date
        return changed.map { $0.timeIntervalSinceNow < -oldAge } ?? false
    }

    /// Removes an instance; what cannot be removed now is met by the next sweep.
    private static func remove(_ instance: String) {
        let files = FileManager.default
        if let elsewhere = try? files.destinationOfSymbolicLink(atPath: instance + "/" + partsName)
        {
            try? files.removeItem(atPath: elsewhere)
        }
        try? files.removeItem(atPath: instance)
    }

    // MARK: - Folders

    private static func makeParts(in instance: String, _ name: String) throws -> String {
        let path = instance + "/" + partsName
        if isReachable(instance) {
            try makeFolder(path, mode: 0o755)
            return path
        }
        guard let place = ["/run", "/tmp"].first(where: isReachable) else {
            throw SystemFailure("/run and /tmp", EACCES)
        }
        let shelter = "\(place)/berth-\(name)"
        try makeFolder(shelter, mode: 0o755)
        try FileManager.default.createSymbolicLink(
            atPath: path,
            withDestinationPath: shelter
        )
        return shelter
    }

    /// Whether another user can get there; one that is not root needs it only for itself.
    private static func isReachable(_ path: String) -> Bool {
        guard getuid() == 0 else { return true }
        var ancestors = [path]
        while let last = ancestors.last, last != "/", !last.isEmpty {
            ancestors.append((last as NSString).deletingLastPathComponent)
        }
        return ancestors.allSatisfy { path in
            let facts = try? FileManager.default.attributesOfItem(atPath: path)
            return (facts?[.posixPermissions] as? NSNumber).map { $0.intValue & 0o001 != 0 }
                ?? false
        }
    }

    /// Processes of a dead gateway's sandbox die with its socket; this is for those that hang.
    private static func killProcesses(of group: String) {
        let text = (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) ?? ""
        for process in text.split(separator: "\n").compactMap({ pid_t($0) }) where process > 1 {
            kill(process, SIGKILL)
        }
    }

    private static func names(in folder: String) -> [String] {
        // A folder that does not exist holds nothing.
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func makeFolder(_ path: String, mode: Int) throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: mode]
        )
    }
}

private struct Lease: Codable {
    var groups: [String]

    static func read(_ path: String) -> Lease? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try? JSONDecoder().decode(Lease.self, from: data)  // Half-written: nothing to free.
    }
}
