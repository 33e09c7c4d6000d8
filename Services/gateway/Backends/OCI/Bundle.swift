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
/// w/             takes what is written, as a rule as a file system in memory
/// rootfs/        here both become one
/// ```
///
/// With a user namespace the file systems are mounted below `place` instead: its users may not
/// pass through the state directory.
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

    /// Where the container's own mounts hide what the host has there, which nobody else sees.
    static let place = "/media"
    /// The descriptor of its process that holds the user namespace.
    static let namespaceDescriptor = 3

    /// For the runtime; relative to the bundle's folder.
    static func root(_ plan: ContainerPlan) -> String {
        plan.config.ids.isMapped ? place + "/rootfs" : "rootfs"
    }

    private var steps: [ProcessLaunch.Step] {
        get throws {
            let place = plan.config.ids.isMapped ? Self.place + "/" : ""
            let upper = (plan.config.disk.storage == .disk ? "" : place) + "w"
            return [.enter(path)] + places + memory(at: upper)
                + [
                    // The root folder of the container is this one.
                    .makeFolder(upper + "/upper", mode: try mode, owner: try owner),
                    .makeFolder(upper + "/work", mode: 0o700, owner: .init(user: 0, group: 0)),
                    .mount(
                        "overlay",
                        source: "overlay",
                        at: Self.root(plan),
                        flags: UInt(MS_NODEV),
                        options:
                            "lowerdir=\(lower),upperdir=\(upper)/upper,workdir=\(upper)/work"
                    ),
                ]
        }
    }

    private func memory(at place: String) -> [ProcessLaunch.Step] {
        guard plan.config.disk.storage == .memory else { return [] }
        return [
            .mount(
                "tmpfs",
                source: "tmpfs",
                at: place,
                flags: UInt(MS_NOSUID | MS_NODEV),
                options: "mode=0700,size=\(plan.config.disk.size)"
            )
        ]
    }

    private var lower: String {
        let folder = plan.config.ids.isMapped ? Self.place + "/l" : "l/"
        return layers.indices.map { "\(folder)\($0)" }.joined(separator: ":")
    }

    /// With a user namespace: the layers, with their owners as they are in it.
    private var places: [ProcessLaunch.Step] {
        guard plan.config.ids.isMapped else { return [] }
        let root = ProcessLaunch.Identity(user: 0, group: 0)
        let folders = ["/w", "/rootfs"] + layers.indices.map { "/l\($0)" }
        return [
            .mount(
                "tmpfs",
                source: "tmpfs",
                at: Self.place,
                flags: UInt(MS_NOSUID | MS_NODEV),
                options: "mode=0711,size=65536"
            )
        ] + folders.map { .makeFolder(Self.place + $0, mode: 0o711, owner: root) }
            + layers.enumerated().map { index, layer in
                .mapped(
                    layer,
                    at: "\(Self.place)/l\(index)",
                    descriptor: Self.namespaceDescriptor
                )
            }
    }

    private func status() throws -> stat {
        var root = stat()
        let top = layers.first ?? ""
        _ = try SystemFailure.check("stat \(top)", unsafe stat(top, &root))
        return root
    }

    private var mode: UInt32 { get throws { try status().st_mode & 0o7777 } }

    private var owner: ProcessLaunch.Identity {
        get throws {
            let root = try status()
            let first = UInt32(clamping: plan.config.ids.first)
            return ProcessLaunch.Identity(user: root.st_uid + first, group: root.st_gid + first)
        }
    }
}
