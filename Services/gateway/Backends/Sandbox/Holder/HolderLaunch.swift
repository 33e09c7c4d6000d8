import CProcess
import Glibc
import SharedSystem

/// How to start the process that holds a sandbox.
struct HolderLaunch: Sendable {
    var executable: String
    var arguments: [String]
    /// From descriptor 4 on; the four below are the null device twice, stderr, and the socket.
    var descriptors: [Descriptor]
    /// Files of control groups to enter, each taking a "0".
    var controlGroups: [Descriptor]
    /// The real user and group, or `nil` to stay who the gateway is.
    var identity: Identity?
    /// 0 leaves the limit as it is.
    var openFiles: Int

    struct Identity: Sendable, Hashable {
        var user: UInt32
        var group: UInt32
    }

    /// The first descriptor that `descriptors` become.
    static let firstDescriptor = 4
    /// Sandboxes go before the gateway and its neighbours when the machine's memory runs out.
    private static let oomScore: Int32 = 300

    /// Starts it; on the reactor's thread.
    func start(on reactor: Reactor) throws -> Holder {
        var mine: Int32 = -1
        var theirs: Int32 = -1
        let error = unsafe berth_socketpair(&mine, &theirs)
        guard error == 0 else { throw SystemFailure("socketpair", error) }
        let socket = Descriptor(mine)
        let far = Descriptor(theirs)
        let complaints = try Descriptor.memoryFile([])
        let process = try spawn(far: far, complaints: complaints)
        return try Holder(
            socket: socket,
            process: process,
            complaints: complaints,
            reactor: reactor
        )
    }

    private func spawn(far: Descriptor, complaints: Descriptor) throws -> Descriptor {
        let table = [-1, -1, complaints.number, far.number] + descriptors.map(\.number)
        let groups = controlGroups.map(\.number)
        var process: pid_t = 0
        var handle: Int32 = -1
        var plan = unsafe berth_spawn()
        unsafe plan.user = identity.map { Int64($0.user) } ?? -1
        unsafe plan.group = identity.map { Int64($0.group) } ?? -1
        unsafe plan.oom_score = Self.oomScore
        unsafe plan.open_files = UInt64(openFiles)
        let error = unsafe withCStrings([executable] + arguments) { strings in
            unsafe table.withUnsafeBufferPointer { table in
                unsafe groups.withUnsafeBufferPointer { groups in
                    unsafe plan.path = UnsafePointer(strings[0])
                    unsafe plan.arguments = UnsafePointer(strings.baseAddress)
                    // The list's end is an empty environment.
                    unsafe plan.environment = UnsafePointer(
                        strings.baseAddress.map { unsafe $0 + strings.count - 1 }
                    )
                    unsafe plan.descriptors = table.baseAddress
                    unsafe plan.descriptor_count = table.count
                    unsafe plan.cgroups = groups.baseAddress
                    unsafe plan.cgroup_count = groups.count
                    return unsafe berth_spawn_process(&plan, &process, &handle)
                }
            }
        }
        withExtendedLifetime((far, complaints, descriptors, controlGroups)) {}
        guard error == 0 else { throw SystemFailure("start \(executable)", error) }
        return Descriptor(handle)
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
