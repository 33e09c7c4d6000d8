import Foundation
import Glibc
import SharedSystem

/// What a gateway keeps on disk for its workspaces: `instances/<id>/` with a lock it holds while it
/// lives, one lease per workspace, and the parts that all of them mount. A lease says what a
/// workspace has outside of its own namespaces.
///
/// The parts must be reachable for the users that workspaces run as. Where a folder above is closed
/// to them (a checkout in `/root`), they lie in `/run` or `/tmp` and `parts` is a link there.
///
/// A lock rather than a process number tells whether its owner lives: the kernel gives it back
/// however the owner ends, and numbers mean nothing across pid namespaces. The folder must not be
/// shared between machines.
package final class StateFolder<Lease: Codable & Sendable>: Sendable {
    /// Where to put what workspaces mount.
    package let parts: String
    /// This gateway's own folder.
    package let path: String
    private let lock: Descriptor
    private let root: String

    private static var lockName: String { "lock" }
    private static var leasesName: String { "leases" }
    private static var partsName: String { "parts" }
    /// Seconds that making or removing an instance never takes.
    private static var oldAge: Double { 3600 }

    /// Makes this gateway's folder; throws what the system said.
    package init(root: String) throws {
        self.root = root
        let name = UUID().uuidString.lowercased()
        path = root + "/instances/" + name
        try Self.makeFolder(path, mode: 0o711)
        try Self.makeFolder(path + "/" + Self.leasesName, mode: 0o700)
        lock = try Self.makeLock(in: path)
        parts = try Self.makeParts(in: path, name)
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

    package func addLease(_ id: String, _ lease: Lease) throws {
        let data = try JSONEncoder().encode(lease)
        try data.write(to: URL(fileURLWithPath: leasePath(id)))
    }

    package func removeLease(_ id: String) { _ = unsafe unlink(leasePath(id)) }

    private func leasePath(_ id: String) -> String { "\(path)/\(Self.leasesName)/\(id)" }

    // MARK: - What dead gateways left

    /// Removes what gateways that no longer live have left; the number of workspaces.
    ///
    /// `free` takes an instance's folder, the id of a workspace, and its lease unless that was
    /// only half-written; it answers `false` where something of the workspace still lives.
    package func sweep(_ free: (_ instance: String, _ id: String, Lease?) -> Bool) -> Int {
        let instances = root + "/instances"
        return Self.names(in: instances)
            .reduce(0) { $0 + Self.sweep(instances + "/" + $1, free) }
    }

    private static func sweep(
        _ instance: String,
        _ free: (_ instance: String, _ id: String, Lease?) -> Bool
    ) -> Int {
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
            let path = leases + "/" + name
            // Half-written: nothing was made yet.
            let lease = FileManager.default.contents(atPath: path)
                .flatMap { try? JSONDecoder().decode(Lease.self, from: $0) }
            guard free(instance, name, lease) else {
                isClean = false
                continue
            }
            _ = unsafe unlink(path)
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
