import CProcess
import Foundation
import Glibc

/// Starts programs and learns of their end by waitpid(2).
///
/// Foundation's `Process` takes a child for ended that closes the descriptors it inherited, which
/// the OpenSSH client does, and then learns of no other child's end.
enum Spawn {
    /// What could not be done.
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { "\(path): errno \(code)" }
    }

    /// Starts `path` with `descriptors` as its standard ones and no others. The caller closes
    /// them.
    static func start(
        _ path: String,
        _ arguments: [String],
        environment: [String: String],
        descriptors: [Int32]
    ) throws -> Int32 {
        let words = CStrings([path] + arguments)
        let variables = CStrings(environment.map { "\($0)=\($1)" })
        var id: pid_t = 0
        var handle: Int32 = -1
        let code = unsafe path.withCString { path in
            unsafe descriptors.withUnsafeBufferPointer { descriptors in
                var spawn = unsafe berth_spawn()
                unsafe spawn.path = path
                unsafe spawn.arguments = UnsafePointer(words.pointers)
                unsafe spawn.environment = UnsafePointer(variables.pointers)
                unsafe spawn.descriptors = descriptors.baseAddress
                unsafe spawn.descriptor_count = descriptors.count
                unsafe spawn.user = -1
                unsafe spawn.group = -1
                return unsafe berth_spawn_process(&spawn, &id, &handle)
            }
        }
        guard code == 0 else { throw Failure(path: path, code: code) }
        close(handle)
        return id
    }

    /// Waits for the end; the answer is wait(2)'s status.
    @discardableResult
    static func collect(_ id: Int32) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    /// Waits for the end on a thread of its own: the exit status, or the number of the signal,
    /// negative.
    static func end(of id: Int32) async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let status = collect(id)
                let exited = berth_exited(status) != 0
                continuation.resume(
                    returning: exited ? berth_exit_status(status) : -berth_term_signal(status)
                )
            }
        }
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
