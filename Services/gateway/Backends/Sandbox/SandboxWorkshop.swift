import Foundation
import Glibc
import SharedConfig
import SharedMessages
import SharedSystem
import BackendMachine

/// What all sandboxes of a backend are made from, and how one is put together. Its functions
/// touch files and belong on a thread that may wait.
final class SandboxWorkshop: Sendable {
    let groups: ControlGroups
    let folder: StateFolder<SandboxLease>
    private let config: SandboxConfig
    private let sources: SandboxSources
    private let identity: HostIdentity

    /// The folder under each hierarchy's top that holds the groups of sandboxes.
    static let groupFolder = "berth-sandboxes"

    struct Prepared: Sendable {
        var launch: HolderLaunch
        var group: SandboxGroup
    }

    init(config: SandboxConfig) throws {
        self.config = config
        guard unsafe access(config.bubblewrap, X_OK) == 0 else {
            throw CodedError(
                .sandboxUnavailable,
                detail: "bubblewrap: \(SystemFailure(config.bubblewrap, errno))"
            )
        }
        do {
            folder = try StateFolder(root: config.stateDirectory)
        } catch {
            throw CodedError(.sandboxStateUnusable, detail: config.stateDirectory, cause: error)
        }
        identity = try HostIdentity(user: config.user)
        do {
            sources = try Self.sources(config, folder)
        } catch {
            throw CodedError(.sandboxUnavailable, detail: "\(error)", cause: error)
        }
        groups = ControlGroups.detect(wanted: Self.wanted(config), folder: Self.groupFolder)
    }

    /// Makes the control groups with their lease, and the command line.
    func prepare(_ id: String, _ account: Account) throws -> Prepared {
        try folder.addLease(
            id,
            SandboxLease(groups: groups.parents.map { $0.path + "/" + id })
        )
        do {
            let group = try SandboxGroup.make(id, in: groups, config)
            do {
                return Prepared(launch: try launch(account, group), group: group)
            } catch {
                group.remove()
                throw error
            }
        } catch {
            folder.removeLease(id)
            throw error
        }
    }

    /// Frees what `prepare` made; `false` if a group is still in use.
    func release(_ id: String, _ group: SandboxGroup) -> Bool {
        guard group.remove() else { return false }
        folder.removeLease(id)
        return true
    }

    private func launch(_ account: Account, _ group: SandboxGroup) throws -> HolderLaunch {
        let plan = try BubblewrapPlan(config: config, account: account, sources: sources)
        return HolderLaunch(
            executable: config.bubblewrap,
            arguments: plan.arguments,
            descriptors: plan.descriptors,
            controlGroups: try group.entrances(groups),
            identity: identity.take(),
            openFiles: config.openFiles
        )
    }

    /// Removes what gateways that no longer live have left; the number of sandboxes.
    func sweep() -> Int {
        folder.sweep { _, _, lease in
            let groups = lease?.groups ?? []
            // Processes of a dead gateway's sandbox die with its socket; this is for those that
            // hang.
            groups.forEach(ControlGroups.killProcesses)
            return SandboxGroup(paths: groups).remove()
        }
    }

    private static func wanted(_ config: SandboxConfig) -> [ControlGroups.Controller] {
        (config.memory > 0 ? [.memory] : []) + (config.pids > 0 ? [.pids] : [])
            + (config.cpus > 0 ? [.cpu] : [])
    }

    private static func sources(
        _ config: SandboxConfig,
        _ folder: StateFolder<SandboxLease>
    ) throws -> SandboxSources {
        let path =
            config.initPath.isEmpty
            ? try besideExecutable("berth-sandbox-init") : config.initPath
        guard unsafe access(path, X_OK) == 0 else { throw SystemFailure("init \(path)", errno) }
        let initProgram = folder.parts + "/init"
        try FileManager.default.copyItem(atPath: path, toPath: initProgram)
        var etc: Descriptor?
        if config.root.isEmpty {
            let prepared = folder.parts + "/etc"
            try HostEtc.prepare(in: prepared, hostname: config.hostname)
            etc = try Descriptor.location(prepared)
        }
        return SandboxSources(
            initProgram: try Descriptor.location(initProgram),
            filter: try SeccompFilter.compile(),
            etc: etc
        )
    }

    private static func besideExecutable(_ name: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        guard length > 0 else { throw SystemFailure("readlink /proc/self/exe", errno) }
        let path = String(
            decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        return path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + name
    }
}

/// What a sandbox has outside of its own namespaces.
struct SandboxLease: Codable, Sendable {
    var groups: [String]
}
