import BackendMachine
import Foundation
import Glibc
import SharedConfig
import SharedSystem

/// The folder from which a runtime runs a container.
///
/// ```
/// config.json    what the runtime is to do
/// hosts          /etc/hosts of the container
/// l/0, l/1, …    links to the image's layers, highest first
/// w/             here a file system in memory takes what is written
/// rootfs/        here both become one
/// ```
///
/// The links keep the list of layers short: mount(2) takes no more than a page.
struct Bundle {
    let path: String
    let plan: ContainerPlan
    /// Highest first.
    let layers: [String]

    /// Makes it; the steps that mount what belongs in it, in a namespace of the container's own.
    func make(_ config: ConfigTree) throws -> [ProcessLaunch.Step] {
        for folder in [path, path + "/l", path + "/w", path + "/rootfs"] {
            _ = try SystemFailure.check("mkdir \(folder)", unsafe mkdir(folder, 0o700))
        }
        for (index, layer) in layers.enumerated() {
            let link = "\(path)/l/\(index)"
            _ = try SystemFailure.check("symlink \(link)", unsafe symlink(layer, link))
        }
        try write(config.json, "config.json")
        try write(hosts, "hosts")
        return try steps
    }

    private var hosts: String {
        """
        127.0.0.1 localhost \(plan.config.hostname)
        ::1 localhost ip6-localhost ip6-loopback

        """
    }

    private func write(_ text: String, _ name: String) throws {
        let file = path + "/" + name
        let number = unsafe open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        let descriptor = Descriptor(try SystemFailure.check("open \(file)", number))
        let bytes = Array(text.utf8)
        let count = unsafe Glibc.write(descriptor.number, bytes, bytes.count)
        guard count >= 0 else { throw SystemFailure("write \(file)", errno) }
        guard count == bytes.count else { throw SystemFailure("write \(file)", ENOSPC) }
    }

    private var steps: [ProcessLaunch.Step] {
        get throws {
            var root = stat()
            let top = layers.first ?? ""
            _ = try SystemFailure.check("stat \(top)", unsafe stat(top, &root))
            let owner = ProcessLaunch.Identity(user: root.st_uid, group: root.st_gid)
            let mode = root.st_mode & 0o7777
            let lower = layers.indices.map { "l/\($0)" }.joined(separator: ":")
            return [
                .enter(path),
                .mount(
                    "tmpfs",
                    source: "tmpfs",
                    at: "w",
                    flags: UInt(MS_NOSUID | MS_NODEV),
                    options: "mode=0700,size=\(plan.config.disk.size)"
                ),
                // The root folder of the container is this one.
                .makeFolder("w/upper", mode: mode, owner: owner),
                .makeFolder("w/work", mode: 0o700, owner: .init(user: 0, group: 0)),
                .mount(
                    "overlay",
                    source: "overlay",
                    at: "rootfs",
                    flags: UInt(MS_NODEV),
                    options: "lowerdir=\(lower),upperdir=w/upper,workdir=w/work"
                ),
            ]
        }
    }
}
