import CProcess
import Glibc
package import SharedSystem

/// A program to start on this machine, with exactly the descriptors named here.
package struct ProcessLaunch: Sendable {
    /// Absolute path.
    package var executable: String
    /// Without the first, which is `executable`.
    package var arguments: [String]
    /// `NAME=VALUE`.
    package var environment: [String] = []
    /// The one at index `i` becomes descriptor `i`; `nil` the null device.
    package var descriptors: [Descriptor?]
    /// Files of control groups to enter, each taking a "0".
    package var controlGroups: [Descriptor] = []
    /// The real user and group, or `nil` to stay who the gateway is.
    package var identity: Identity?
    /// 0 leaves the limit as it is.
    package var openFiles = 0
    /// In a mount namespace of its own, if there are any.
    package var steps: [Step] = []

    package struct Identity: Sendable, Hashable {
        package var user: UInt32
        package var group: UInt32

        package init(user: UInt32, group: UInt32) {
            self.user = user
            self.group = group
        }
    }

    /// What the process does before it becomes its program. Its mounts are seen by nobody else,
    /// and vanish with the last process that has them.
    package enum Step: Sendable, Hashable {
        /// mount(2); `options` are the file system's own.
        case mount(_ type: String, source: String, at: String, flags: UInt, options: String)
        /// One that is not mounted is fine.
        case unmount(String)
        case makeFolder(String, mode: UInt32, owner: Identity)
        /// Later paths may be relative to it.
        case enter(String)
        /// Binds a folder with the owners that its files have in the user namespace in a
        /// descriptor of the process, which its program does not get (mount_setattr(2)).
        case mapped(String, at: String, descriptor: Int)
    }

    /// Workspaces go before the gateway and its neighbours when the machine's memory runs out.
    private static let oomScore: Int32 = 300

    package init(executable: String, arguments: [String], descriptors: [Descriptor?]) {
        self.executable = executable
        self.arguments = arguments
        self.descriptors = descriptors
    }

    /// Starts it; waits until it runs.
    ///
    /// - Returns: its pidfd, which is readable once it has ended; see `berth_reap`.
    package func start() throws -> Descriptor {
        let table = descriptors.map { $0?.number ?? -1 }
        let groups = controlGroups.map(\.number)
        var process: pid_t = 0
        var handle: Int32 = -1
        var failed = steps.count
        var plan = unsafe berth_spawn()
        unsafe plan.user = identity.map { Int64($0.user) } ?? -1
        unsafe plan.group = identity.map { Int64($0.group) } ?? -1
        unsafe plan.oom_score = Self.oomScore
        unsafe plan.open_files = UInt64(openFiles)
        let error = unsafe withCStrings([executable] + arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe withSteps { steps in
                    unsafe table.withUnsafeBufferPointer { table in
                        unsafe groups.withUnsafeBufferPointer { groups in
                            unsafe plan.path = UnsafePointer(arguments[0])
                            unsafe plan.arguments = UnsafePointer(arguments.baseAddress)
                            unsafe plan.environment = UnsafePointer(environment.baseAddress)
                            unsafe plan.descriptors = table.baseAddress
                            unsafe plan.descriptor_count = table.count
                            unsafe plan.cgroups = groups.baseAddress
                            unsafe plan.cgroup_count = groups.count
                            unsafe plan.steps = steps.baseAddress
                            unsafe plan.step_count = steps.count
                            return unsafe withUnsafeMutablePointer(to: &failed) { failed in
                                unsafe plan.failed_step = unsafe failed
                                return unsafe berth_spawn_process(&plan, &process, &handle)
                            }
                        }
                    }
                }
            }
        }
        withExtendedLifetime((descriptors, controlGroups)) {}
        guard error == 0 else {
            throw SystemFailure(
                failed < steps.count ? steps[failed].name : "start \(executable)",
                error
            )
        }
        return Descriptor(handle)
    }

    private func withSteps<Value>(
        _ body: (UnsafeBufferPointer<berth_step>) -> Value
    ) -> Value {
        let texts = steps.flatMap(\.texts)
        return unsafe withCStrings(texts) { texts in
            let count = Step.textCount
            let list = unsafe steps.enumerated()
                .map { index, step in
                    var result = unsafe step.header
                    unsafe result.source = UnsafePointer(texts[index * count])
                    unsafe result.target = UnsafePointer(texts[index * count + 1])
                    unsafe result.type = UnsafePointer(texts[index * count + 2])
                    unsafe result.data = UnsafePointer(texts[index * count + 3])
                    return unsafe result
                }
            return unsafe list.withUnsafeBufferPointer { list in unsafe body(list) }
        }
    }
}

extension ProcessLaunch.Step {
    fileprivate static let textCount = 4

    /// Source, target, type and options.
    fileprivate var texts: [String] {
        switch self {
        case .mount(let type, let source, let target, _, let options):
            [source, target, type, options]
        case .unmount(let target), .makeFolder(let target, _, _), .enter(let target):
            ["", target, "", ""]
        case .mapped(let source, let target, _): [source, target, "", ""]
        }
    }

    fileprivate var header: berth_step {
        var step = unsafe berth_step()
        switch self {
        case .mount(_, _, _, let flags, _):
            unsafe step.kind = Int32(BERTH_STEP_MOUNT)
            unsafe step.flags = flags
        case .unmount: unsafe step.kind = Int32(BERTH_STEP_UNMOUNT)
        case .makeFolder(_, let mode, let owner):
            unsafe step.kind = Int32(BERTH_STEP_FOLDER)
            unsafe step.mode = mode
            unsafe step.user = owner.user
            unsafe step.group = owner.group
        case .enter: unsafe step.kind = Int32(BERTH_STEP_ENTER)
        case .mapped(_, _, let descriptor):
            unsafe step.kind = Int32(BERTH_STEP_MAPPED)
            unsafe step.flags = UInt(descriptor)
        }
        return unsafe step
    }

    fileprivate var name: String {
        switch self {
        case .mount(let type, _, let target, _, _): "mount \(type) at \(target)"
        case .unmount(let target): "umount \(target)"
        case .makeFolder(let target, _, _): "mkdir \(target)"
        case .enter(let target): "chdir \(target)"
        case .mapped(let source, _, _): "map the owners of \(source)"
        }
    }
}

/// Lends `strings` as a list that ends with a null pointer.
private func withCStrings<Value>(
    _ strings: [String],
    _ body: (UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    var list = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer {
        for index in strings.indices { unsafe free(list[index]) }
    }
    return unsafe list.withUnsafeMutableBufferPointer { list in unsafe body(list) }
}
