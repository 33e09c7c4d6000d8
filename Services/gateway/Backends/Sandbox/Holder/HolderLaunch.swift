import CProcess
import SharedSystem
import BackendMachine

/// How to start the process that holds a sandbox.
struct HolderLaunch: Sendable {
    var executable: String
    var arguments: [String]
    /// From descriptor 4 on; the four below are the null device twice, stderr, and the socket.
    var descriptors: [Descriptor]
    /// Files of control groups to enter, each taking a "0".
    var controlGroups: [Descriptor]
    /// The real user and group, or `nil` to stay who the gateway is.
    var identity: ProcessLaunch.Identity?
    /// 0 leaves the limit as it is.
    var openFiles: Int

    /// The first descriptor that `descriptors` become.
    static let firstDescriptor = 4
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
        var launch = ProcessLaunch(
            executable: executable,
            arguments: arguments,
            descriptors: [nil, nil, complaints, far] + descriptors
        )
        launch.controlGroups = controlGroups
        launch.identity = identity
        launch.openFiles = openFiles
        return try launch.start()
    }
}
