import Foundation
import Glibc
import SharedMessages

/// What a gateway keeps on disk for its sandboxes: `instances/<id>/` with a lock it holds while it
/// lives, the prepared `/etc`, and one lease per sandbox.
///
/// A lock rather than a process number tells whether its owner lives: the kernel gives it back
/// however the owner ends, and numbers mean nothing across pid namespaces. The folder must not be
/// shared between machines.
final class StateFolder: Sendable {
    let path: String
    private let lock: Descriptor
    private let root: String

    private static let lockName = "lock"
    private static let leasesName = "leases"

    init(root: String) throws {
        self.root = root
        path = root + "/instances/" + UUID().uuidString.lowercased()
        do {
            try Self.makeFolders(path + "/" + Self.leasesName)
            let file = path + "/" + Self.lockName
            let number = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            lock = Descriptor(try SystemFailure.check("open \(file)", number))
            _ = try SystemFailure.check("flock", flock(lock.number, LOCK_EX | LOCK_NB))
        } catch {
            throw CodedError(.sandboxStateUnusable, detail: root, cause: error)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }  // Else the next sweep does it.

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
        // An instance without a lock is one that is being made, or being removed.
        guard number >= 0 else { return 0 }
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
        if isClean { try? FileManager.default.removeItem(atPath: instance) }
        return removed
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

    private static func makeFolders(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
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
