import CProcess
import Foundation
import Glibc
import NIOCore
import SharedMessages

/// How this process was started, so that another one can be started alike.
package struct ProcessStart: Sendable {
    /// The file that was executed, by the name under which a newer one may lie there meanwhile.
    var executable: String
    var arguments: [String]
    var environment: [String: String]

    /// To be called when the process starts, as the file may be replaced later.
    package static func ofThisProcess() -> ProcessStart {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return ProcessStart(
            executable: link ?? CommandLine.arguments[0],
            arguments: CommandLine.arguments,
            environment: ProcessInfo.processInfo.environment
        )
    }
}

/// Another gateway that was started with this one's sockets.
struct Successor: Sendable {
    let id: pid_t
    /// How far it is; ends when the process does, or when it accepts.
    let reports: AsyncStream<RestartProgress>
    private let handle: CInt

    /// Starts it; `sockets` are passed on as `InheritedSockets` describes.
    init(_ start: ProcessStart, _ sockets: [Listeners.Open]) throws {
        let pipe = try ProgressPipe()
        defer { close(pipe.writer) }
        reports = pipe.reports
        var names = sockets.map { listener -> InheritedSockets.Name in
            listener.origin == .configuration ? .configured : .given
        }
        names.append(.progress)
        var environment = start.environment
        environment["LISTEN_FDS"] = "\(names.count)"
        environment["LISTEN_FDNAMES"] = names.map(\.rawValue).joined(separator: ":")
        environment[InheritedSockets.predecessorVariable] = "\(getpid())"
        let descriptors = [0, 1, 2] + sockets.map(\.socket.descriptor) + [pipe.writer]
        (id, handle) = try withExtendedLifetime(sockets) {
            try Self.spawn(start, environment, descriptors)
        }
    }

    /// Ends it if it still runs, and says how it ended.
    func end() async -> String {
        _ = berth_pidfd_signal(handle, SIGKILL)
        let (id, handle) = (id, handle)
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var status: CInt = 0
                while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
                close(handle)
                let exited = berth_exited(status) != 0
                continuation.resume(
                    returning: exited
                        ? "exit status \(berth_exit_status(status))"
                        : "signal \(berth_term_signal(status))"
                )
            }
        }
    }

    /// Leaves it alone from now on: it outlives this process.
    func release() { close(handle) }

    private static func spawn(
        _ start: ProcessStart,
        _ environment: [String: String],
        _ descriptors: [CInt]
    ) throws -> (pid_t, CInt) {
        let arguments = CStrings(start.arguments)
        let variables = CStrings(environment.map { "\($0)=\($1)" })
        var id: pid_t = 0
        var handle: CInt = -1
        let code = unsafe start.executable.withCString { path in
            unsafe descriptors.withUnsafeBufferPointer { descriptors in
                var spawn = unsafe berth_spawn()
                unsafe spawn.path = path
                unsafe spawn.arguments = UnsafePointer(arguments.pointers)
                unsafe spawn.environment = UnsafePointer(variables.pointers)
                unsafe spawn.descriptors = descriptors.baseAddress
                unsafe spawn.descriptor_count = descriptors.count
                unsafe spawn.user = -1
                unsafe spawn.group = -1
                return unsafe berth_spawn_process(&spawn, &id, &handle)
            }
        }
        guard code == 0 else { throw IOError(errnoCode: code, reason: start.executable) }
        return (id, handle)
    }
}

/// A list of strings as execve(2) wants it.
@safe
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() {
            unsafe (pointers + index).initialize(to: strdup(string))
        }
        unsafe (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}
