package import BackendMachine
import CProcess
import Foundation
import Glibc
import GuestAgent
package import Logging
import NIOCore
package import NIOPosix
package import SharedConfig
import SharedImages
import SharedLogging
import SharedMessages
import SharedSystem
import SharedWaiting
import Synchronization

/// What all containers of a gateway share: the runtime, the image store, the state directory.
///
/// A container has a mount namespace of its own from the first mount on, so however it ends, or
/// the gateway, none of its mounts is left. Its bundle, the runtime's notes and control groups are
/// removed with it, or by the next sweep.
package final class OCIHost: Sendable {
    /// The keys of the configuration that make one host different from another; only the static
    /// file sets them.
    package struct Settings: Sendable, Hashable {
        var runtime: String
        var agentPath: String
        var imageDirectory: String
        var stateDirectory: String
        var ids: OCIIDsConfig

        package init(_ config: OCIConfig) {
            runtime = config.runtime
            agentPath = config.agentPath
            imageDirectory = config.imageDirectory
            stateDirectory = config.stateDirectory
            ids = config.ids
        }
    }

    let logger: Logger
    let groups: ControlGroups
    private let store: ImageStore
    private let folder: StateFolder<OCILease>
    private let reactor: Reactor
    private let pool: NIOThreadPool
    private let candidates: [OCIRuntime]
    /// Of all containers, if they have one.
    private let userNamespace: Descriptor?
    private let groupMounts: [CgroupMount]
    /// The path below each hierarchy's top, without the container's name.
    private let groupsPath: String
    private let choice = Mutex<Task<OCIRuntime, any Error>?>(nil)
    private let abandoned = Mutex<[String: OCIContainer]>([:])

    static let groupFolder = "berth-containers"
    private static let runtimeEnvironment = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ]

    /// Prepares the state directory; blocks for some milliseconds on files. `mounts` are the
    /// control group hierarchies to choose from.
    ///
    /// Throws a `CodedError` that says what the machine lacks.
    package init(
        _ settings: Settings,
        mounts: [CgroupMount] = CgroupMount.all(),
        pool: NIOThreadPool = .singleton,
        logger: Logger
    ) throws {
        self.logger = logger
        self.pool = pool
        guard geteuid() == 0 else {
            throw CodedError(.ociUnavailable, detail: "the gateway is not root")
        }
        store = try ImageStore(path: settings.imageDirectory)
        candidates = OCIRuntime.candidates(settings.runtime)
        do {
            folder = try StateFolder(root: settings.stateDirectory)
            for name in [Self.bundles, Self.notes] {
                try FileManager.default.createDirectory(
                    atPath: folder.path + name,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            }
            try AgentFolder.make(folder.parts + "/berth", from: settings.agentPath)
            try FileManager.default.createDirectory(
                atPath: folder.parts + "/empty",
                withIntermediateDirectories: true
            )
            reactor = try Reactor(name: "berth-oci")
            userNamespace = try Self.userNamespace(settings.ids)
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.ociStateUnusable, detail: settings.stateDirectory, cause: error)
        }
        let old = mounts.filter { !$0.isVersion2 }
        // Where there are both, the second is hidden from the runtime.
        groupMounts = old.isEmpty ? mounts : old
        groups = ControlGroups.detect(
            wanted: ControlGroups.Controller.allCases,
            folder: Self.groupFolder,
            mounts: groupMounts,
            own: ControlGroups.ownVersion2Path()
        )
        groupsPath = Self.groupsPath(groups, groupMounts)
    }

    private static func userNamespace(_ ids: OCIIDsConfig) throws -> Descriptor? {
        guard ids.isMapped else { return nil }
        let number = berth_user_namespace(
            UInt32(clamping: ids.first),
            UInt32(clamping: ids.count)
        )
        guard number >= 0 else {
            throw CodedError(
                .ociUnavailable,
                detail: "\(SystemFailure("a user namespace", -number))"
            )
        }
        return Descriptor(number)
    }

    private static func groupsPath(_ groups: ControlGroups, _ mounts: [CgroupMount]) -> String {
        guard let parent = groups.parents.first(where: \.isVersion2),
            let mount = mounts.first(where: \.isVersion2)
        else { return "/" + groupFolder }
        return String(parent.path.dropFirst(mount.path.count))
    }

    // MARK: - Images and plans

    /// What a container of this configuration is made from now, and its image, held.
    func plan(_ config: OCIConfig) async throws -> (plan: ContainerPlan, use: ImageUse) {
        guard let name = ImageName(config.image) else {
            throw CodedError(.ociImageNameInvalid, detail: config.image)
        }
        return try await pool.runIfActive { [store] in
            let use = try store.use(name)
            return (try ContainerPlan(config, use), use)
        }
    }

    /// What tells plans apart, as bytes.
    func digestParts(of plan: ContainerPlan) -> [[UInt8]] {
        let spec = ContainerSpec(plan: plan, host: containerHost(hasGroups: true))
        return [
            Array(spec.tree(bundle: "", groups: "").json.utf8),
            Array("\(plan.config.disk.storage.rawValue) \(plan.config.disk.size)".utf8),
        ] + plan.image.layers.map { Array($0.digest.utf8) }
    }

    private func containerHost(hasGroups: Bool) -> ContainerSpec.ContainerHost {
        let missing = Set(groups.missing.map(\.controller))
        return ContainerSpec.ContainerHost(
            agentFolder: folder.parts + "/berth",
            controllers: hasGroups
                ? ControlGroups.Controller.allCases.filter { !missing.contains($0) } : nil
        )
    }

    // MARK: - Runtime

    /// The first runtime that has run a container here; tried once, and again after a failure.
    package func prepare() async throws {
        _ = try await runtime()
    }

    private func runtime() async throws -> OCIRuntime {
        let task = choice.withLock { choice in
            let task = choice ?? Task { try await self.choose() }
            choice = task
            return task
        }
        do {
            return try await task.value
        } catch {
            choice.withLock { if $0 == task { $0 = nil } }
            throw error
        }
    }

    private func choose() async throws -> OCIRuntime {
        await sweep()
        var refusals: [String] = []
        for runtime in candidates {
            do {
                try await proof(of: runtime)
                logger.emit(
                    .ociRuntimeChosen,
                    [
                        "runtime": "\(runtime)",
                        "refused": "\(refusals.joined(separator: ", "))",
                    ]
                )
                return runtime
            } catch {
                let reason = (error as? CodedError)?.detail ?? "\(error)"
                refusals.append("\(runtime): \(reason)")
            }
        }
        throw CodedError(
            .ociUnavailable,
            detail: refusals.isEmpty
                ? "neither crun nor runc is installed" : refusals.joined(separator: ", ")
        )
    }

    /// Runs a container that has nothing but the agent.
    private func proof(of runtime: OCIRuntime) async throws {
        var config = OCIConfig()
        // Less than by default: a runtime that hangs shall not hold the start up.
        config.timeouts.start = .seconds(5)
        let use = ImageUse(emptyLayer: folder.parts + "/empty")
        let container = try await start(
            "check-\(UInt64.random(in: .min ... .max))",
            try ContainerPlan(config, use),
            use,
            runtime
        )
        let link = try await container.connect(
            on: NIOSingletons.posixEventLoopGroup.any(),
            logger: logger
        )
        await link.close()
        await container.discard()
    }

    // MARK: - Containers

    /// Starts a container; its agent may be greeted at once, or later.
    func start(_ id: String, _ plan: ContainerPlan, _ use: ImageUse) async throws -> OCIContainer {
        try await start(id, plan, use, try await runtime())
    }

    private func start(
        _ id: String,
        _ plan: ContainerPlan,
        _ use: ImageUse,
        _ runtime: OCIRuntime
    ) async throws -> OCIContainer {
        do {
            return try await pool.runIfActive { [self] in
                try folder.addLease(id, OCILease(runtime: runtime.path, groups: groupPaths(id)))
                do {
                    return try launch(id, plan, use, runtime)
                } catch {
                    _ = Self.free(folder.path, id, OCILease(runtime: "", groups: []), .zero)
                    folder.removeLease(id)
                    throw error
                }
            }
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.ociStartFailed, detail: "\(error)", cause: error)
        }
    }

    private func launch(
        _ id: String,
        _ plan: ContainerPlan,
        _ use: ImageUse,
        _ runtime: OCIRuntime
    ) throws -> OCIContainer {
        let bundle = folder.path + Self.bundles + "/" + id
        let spec = ContainerSpec(plan: plan, host: containerHost(hasGroups: runtime.hasGroups))
        let steps = try Bundle(path: bundle, plan: plan, layers: use.layers)
            .make(spec.tree(bundle: bundle, groups: groupsPath + "/" + id))
        let (input, output) = (try Descriptor.pipe(capacity: 0), try Descriptor.pipe(capacity: 0))
        let complaints = try Descriptor.pipe(capacity: 0)
        // Whoever complains too much is not to wait, and neither are we.
        for end in [complaints.reader, complaints.writer] {
            _ = try SystemFailure.check("fcntl", fcntl(end.number, F_SETFL, O_NONBLOCK))
        }
        var launch = ProcessLaunch(
            executable: runtime.path,
            arguments: runtime.arguments(state: folder.path + Self.notes)
                + ["run", "--bundle", bundle, id],
            descriptors: [input.reader, output.writer, complaints.writer]
                + (plan.config.ids.isMapped ? [userNamespace] : [])
        )
        launch.environment = Self.runtimeEnvironment
        launch.steps = [.unmount(OCIRuntime.unified)] + steps
        let process = try launch.start()
        return OCIContainer(
            id: id,
            plan: plan,
            runtime: runtime,
            use: use,
            streams: OCIContainer.Streams(
                input: input.writer,
                output: output.reader,
                complaints: complaints.reader
            ),
            gone: try watch(process),
            host: self
        )
    }

    /// Reaps the process when it ends.
    private func watch(_ process: Descriptor) throws -> Latch<Void> {
        let gone = Latch<Void>()
        let token = Mutex<UInt64?>(nil)
        // Held until the number is known: an event that comes at once waits for it.
        try token.withLock { held in
            held = try reactor.watch(process) { [weak reactor] in
                var status: Int32 = 0
                guard unsafe berth_reap(process.number, &status) != 0 else { return }
                if let number = token.withLock({ $0.take() }) { reactor?.ignore(number) }
                gone.settle(.success(()))
            }
        }
        return gone
    }

    // MARK: - Ends

    /// Kills what is left of a container and removes what it had; `false` if that takes longer.
    func end(_ id: String, _ runtime: OCIRuntime, within limit: Duration) async -> Bool {
        let lease = OCILease(runtime: runtime.path, groups: groupPaths(id))
        for wait in [1, 5, 20, 100, 500] {
            // A pool that is shut down leaves the rest to the next gateway's sweep.
            let isGone = try? await pool.runIfActive { [folder] in
                guard Self.free(folder.path, id, lease, limit) else { return false }
                folder.removeLease(id)
                return true
            }
            guard isGone == false else { return isGone ?? false }
            // Never cancelled: in a task of discard()'s own.
            try? await Task.sleep(for: .milliseconds(wait))
        }
        return false
    }

    /// Leaves a container that cannot be removed now to the next sweeps.
    func abandon(_ container: OCIContainer) {
        logger.emit(.ociStopTimeout, ["container": "\(container.id)"])
        abandoned.withLock { $0[container.id] = container }
    }

    /// Removes what dead gateways have left, and what could not be removed before.
    package func sweep() async {
        let own = abandoned.withLock { Array($0.values) }
        var count = 0
        for container in own where container.gone.isSettled {
            guard await end(container.id, container.runtime, within: .seconds(1)) else { continue }
            abandoned.withLock { $0[container.id] = nil }
            count += 1
        }
        // A pool that is shut down sweeps no more; nor does a store that is not there.
        let swept = try? await pool.runIfActive { [folder, store] in
            _ = try? store.collect()
            return folder.sweep { instance, id, lease in
                lease.map { Self.free(instance, id, $0, .seconds(5)) } ?? true
            }
        }
        count += swept ?? 0
        if count > 0 { logger.emit(.ociLeftoversRemoved, ["count": "\(count)"]) }
    }

    // MARK: - What a container has on this machine

    private static let bundles = "/containers"
    private static let notes = "/runtime"

    private func groupPaths(_ id: String) -> [String] {
        groupMounts.map { $0.path + groupsPath + "/" + id }
    }

    /// How often memory ran out in a container, as long as it is there.
    func memoryKills(_ id: String) -> Int {
        groupPaths(id).compactMap(ControlGroups.memoryKills).max() ?? 0
    }

    /// Kills and removes; `false` if something still lives.
    private static func free(
        _ instance: String,
        _ id: String,
        _ lease: OCILease,
        _ limit: Duration
    ) -> Bool {
        lease.groups.forEach(ControlGroups.killProcesses)
        let note = instance + notes + "/" + id
        if !lease.runtime.isEmpty, unsafe access(note, F_OK) == 0 {
            RuntimeCall.delete(id, runtime: lease.runtime, state: instance + notes, limit)
            guard unsafe access(note, F_OK) != 0 else { return false }
        }
        for group in lease.groups where unsafe rmdir(group) != 0 && errno != ENOENT {
            return false
        }
        // Only plain files and links: what was mounted there is in another namespace.
        let bundle = instance + bundles + "/" + id
        guard unsafe access(bundle, F_OK) == 0 else { return true }
        return (try? FileManager.default.removeItem(atPath: bundle)) != nil
    }
}

/// What a container has outside of its namespaces.
struct OCILease: Codable, Sendable {
    /// The program that runs it.
    var runtime: String
    /// Folders.
    var groups: [String]
}
