import CProcess
import Foundation
import Glibc

/// Starts programs by fork and exec; Foundation's `Process` loses those that close descriptors.
package enum Child {
    /// Starts a program with `descriptors` as its standard ones; the caller closes them.
    package static func start(_ words: [String], descriptors: [Int32]) throws -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [
            strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), strdup("HOME=/root"),
        ]
        defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
        unsafe arguments.append(nil)
        unsafe environment.append(nil)
        var id: pid_t = 0
        var handle: Int32 = -1
        let code = unsafe arguments.withUnsafeBufferPointer { arguments in
            unsafe environment.withUnsafeBufferPointer { environment in
                unsafe descriptors.withUnsafeBufferPointer { descriptors in
                    var spawn = unsafe berth_spawn()
                    unsafe spawn.path = arguments[0].map { unsafe UnsafePointer($0) }
                    unsafe spawn.arguments = arguments.baseAddress
                    unsafe spawn.environment = environment.baseAddress
                    unsafe spawn.descriptors = descriptors.baseAddress
                    unsafe spawn.descriptor_count = descriptors.count
                    unsafe spawn.user = -1
                    unsafe spawn.group = -1
                    return unsafe berth_spawn_process(&spawn, &id, &handle)
                }
            }
        }
        guard code == 0 else {
            throw SSHTarget.Failure(description: "\(words): errno \(code)")
        }
        close(handle)
        return id
    }

    /// Waits for the end; harmless when it was collected before.
    @discardableResult
    package static func collect(_ id: Int32) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    /// Runs a short program to its end; what it says.
    @discardableResult
    package static func run(_ words: [String]) throws -> String {
        let (output, nowhere) = (Pipe(), FileHandle.nullDevice)
        let id = try start(
            words,
            descriptors: [
                nowhere.fileDescriptor, output.fileHandleForWriting.fileDescriptor,
                output.fileHandleForWriting.fileDescriptor,
            ]
        )
        try output.fileHandleForWriting.close()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        guard collect(id) == 0 else {
            let said = String(decoding: text, as: UTF8.self)
            throw SSHTarget.Failure(description: "\(words): \(said)")
        }
        return String(decoding: text, as: UTF8.self)
    }
}
