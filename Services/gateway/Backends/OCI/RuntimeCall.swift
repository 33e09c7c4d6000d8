import BackendMachine
import CProcess
import Glibc
import SharedSystem

/// A call of a runtime that is waited for.
enum RuntimeCall {
    /// Kills a container, if it lives, and removes what the runtime has noted of it. What goes
    /// wrong shows in what is left. Blocks for `limit` at most.
    static func delete(_ id: String, runtime: String, state: String, _ limit: Duration) {
        var launch = ProcessLaunch(
            executable: runtime,
            arguments: ["--root", state, "delete", "--force", id],
            descriptors: [nil, nil, nil]
        )
        launch.steps = [.unmount(OCIRuntime.unified)]
        guard let process = try? launch.start() else { return }
        wait(for: process, limit)
    }

    private static func wait(for process: Descriptor, _ limit: Duration) {
        let milliseconds = Int32(clamping: Int64(limit / .milliseconds(1)))
        var status: Int32 = 0
        for _ in 0..<2 {
            var poll = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
            _ = unsafe Glibc.poll(&poll, 1, milliseconds)
            if unsafe berth_reap(process.number, &status) != 0 { return }
            _ = berth_pidfd_signal(process.number, SIGKILL)
        }
    }
}
