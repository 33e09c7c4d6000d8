import CProcess
import Glibc
import Synchronization

/// An open file descriptor, closed when its last owner lets go.
package final class Descriptor: Sendable {
    private let storage: Atomic<Int32>

    /// Takes ownership of `number`.
    package init(_ number: Int32) { storage = Atomic(number) }

    deinit { close() }

    /// The number, or -1 once closed or handed on. Valid while the caller keeps `self`.
    package var number: Int32 { storage.load(ordering: .acquiring) }

    package func close() {
        let number = take()
        if number >= 0 { Glibc.close(number) }
    }

    /// Hands the number to a new owner; -1 if it is gone already.
    package func take() -> Int32 { storage.exchange(-1, ordering: .acquiringAndReleasing) }

    /// Another descriptor of the same open file, close-on-exec.
    package func duplicate() throws(SystemFailure) -> Descriptor {
        Descriptor(try SystemFailure.check("dup", fcntl(number, F_DUPFD_CLOEXEC, 3)))
    }

    /// A new open file of the same file for reading, with an offset of its own.
    package func reopened() throws(SystemFailure) -> Descriptor {
        Descriptor(try SystemFailure.result("open", berth_reopen(number)))
    }

    /// A file in memory holding `bytes`, at its start.
    package static func memoryFile(_ bytes: [UInt8]) throws(SystemFailure) -> Descriptor {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe berth_memory_file("berth", bytes.baseAddress, bytes.count)
        }
        return Descriptor(try SystemFailure.result("memfd_create", result))
    }

    /// The file or directory at `path`, only to be mounted from.
    package static func location(_ path: String) throws(SystemFailure) -> Descriptor {
        Descriptor(try SystemFailure.result("open \(path)", unsafe berth_location(path)))
    }

    /// A pipe with room for `capacity` bytes where the kernel allows.
    package static func pipe(
        capacity: Int32
    ) throws(SystemFailure) -> (reader: Descriptor, writer: Descriptor) {
        var reader: Int32 = -1
        var writer: Int32 = -1
        let error = unsafe berth_pipe(&reader, &writer, capacity)
        guard error == 0 else { throw SystemFailure("pipe2", error) }
        return (Descriptor(reader), Descriptor(writer))
    }
}

/// A system call that failed.
package struct SystemFailure: Error, CustomStringConvertible {
    package let call: String
    /// See errno(3).
    package let number: Int32

    package init(_ call: String, _ number: Int32) {
        self.call = call
        self.number = number
    }

    package var description: String { "\(call): \(Self.text(number))" }

    package static func text(_ number: Int32) -> String {
        guard let text = unsafe strerror(number) else { return "error \(number)" }
        return unsafe String(cString: text)
    }

    /// `result`, unless it is negative: then it is a negated error number.
    package static func result(_ call: String, _ result: Int32) throws(SystemFailure) -> Int32 {
        guard result >= 0 else { throw SystemFailure(call, -result) }
        return result
    }

    /// `result`, unless it is negative: then errno as an error.
    package static func check(_ call: String, _ result: Int32) throws(SystemFailure) -> Int32 {
        guard result >= 0 else { throw SystemFailure(call, errno) }
        return result
    }
}
