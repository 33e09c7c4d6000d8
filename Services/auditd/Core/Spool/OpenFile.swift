import CFiles
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A system call on a file failed.
struct FileError: Error, CustomStringConvertible {
    let operation: String
    let path: String
    let number: Int32

    /// No space or over quota: heals once there is space.
    var isFull: Bool { number == ENOSPC || number == EDQUOT }
    var isMissing: Bool { number == ENOENT }
    var isPresent: Bool { number == EEXIST }

    var description: String { unsafe "\(operation) \(path): \(String(cString: strerror(number)))" }
}

/// An open file or folder; closed when nobody holds it any more. All calls block.
@safe
final class OpenFile {
    let path: String
    /// -1 once it is closed.
    private var descriptor: Int32

    /// Permissions 0600: recordings hold what people typed.
    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(FileError) {
        self.path = path
        descriptor = unsafe open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, number: errno) }
    }

    deinit { if descriptor >= 0 { _ = closeDescriptor(descriptor) } }

    /// Closes it at once; any further call fails. An error may mean that something written was
    /// lost (close(2), NOTES).
    func close() throws(FileError) {
        guard descriptor >= 0 else { return }
        let closed = closeDescriptor(descriptor)
        descriptor = -1  // also after an error: Linux has closed it
        guard closed == 0 else { throw failure("close") }
    }

    /// The present size in bytes.
    func size() throws(FileError) -> UInt64 {
        var information = stat()
        guard unsafe fstat(descriptor, &information) == 0 else { throw failure("stat") }
        return UInt64(information.st_size)
    }

    /// Nanoseconds since the Unix epoch.
    func modificationTime() throws(FileError) -> Int64 {
        var information = stat()
        guard unsafe fstat(descriptor, &information) == 0 else { throw failure("stat") }
        return Int64(information.st_mtim.tv_sec) * 1_000_000_000
            + Int64(information.st_mtim.tv_nsec)
    }

    /// Device and inode.
    func identity() throws(FileError) -> [UInt64] {
        var information = stat()
        guard unsafe fstat(descriptor, &information) == 0 else { throw failure("stat") }
        return [UInt64(information.st_dev), UInt64(information.st_ino)]
    }

    func write(_ bytes: ByteBuffer, at offset: UInt64) throws(FileError) {
        var rest = bytes
        var position = offset
        while rest.readableBytes > 0 {
            let written = unsafe rest.withUnsafeReadableBytes { source in
                unsafe pwrite(descriptor, source.baseAddress, source.count, off_t(position))
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            rest.moveReaderIndex(forwardBy: written)
            position += UInt64(written)
        }
    }

    /// At most `count` bytes; none at the end of the file.
    func read(at offset: UInt64, count: Int) throws(FileError) -> ByteBuffer {
        var bytes = ByteBuffer()
        while true {
            let got = unsafe bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
                space in
                max(0, unsafe pread(descriptor, space.baseAddress, count, off_t(offset)))
            }
            if got > 0 { return bytes }
            // pread's own answer tells an error from the end, so ask again for one byte.
            var byte: UInt8 = 0
            let probe = unsafe pread(descriptor, &byte, 1, off_t(offset))
            if probe == 0 { return bytes }
            if probe < 0, errno != EINTR { throw failure("read") }
        }
    }

    func truncate(to size: UInt64) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure("truncate") }
    }

    /// Takes space for the bytes up to `size`, which stays as it is; where that can't be had,
    /// writing tells.
    func reserve(from offset: UInt64, to size: UInt64) {
        _ = berth_reserve(descriptor, Int64(offset), Int64(size - offset))
    }

    /// Lets the disk begin with what was written; nothing is durable by that.
    func startSync(from offset: UInt64, count: Int) {
        _ = berth_start_sync(descriptor, Int64(offset), Int64(count))
    }

    /// Makes data and size durable (fdatasync(2)); for a folder its entries.
    func sync() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw failure("fdatasync") }
    }

    /// Holds the file for this process until it is closed; false if another one holds it.
    func lock() -> Bool {
        for _ in 0..<Self.lockTries {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK else { return false }
            usleep(Self.lockPause)
        }
        return false
    }

    /// A second in all: a holder that has just ended may live on for a moment in a child that has
    /// not yet started its own program.
    private static let lockTries = 50
    /// Microseconds.
    private static let lockPause: UInt32 = 20_000

    private func failure(_ operation: String) -> FileError {
        FileError(operation: operation, path: path, number: errno)
    }
}

/// Calls on names rather than on open files. All of them block.
enum Folder {
    /// Makes a folder with permissions 0700 and its entry durable; harmless if it is there.
    static func create(_ path: String) throws(FileError) {
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
            throw FileError(operation: "mkdir", path: path, number: errno)
        }
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        try sync((path.hasPrefix("/") ? "/" : "./") + parent)
    }

    static func sync(_ path: String) throws(FileError) {
        try OpenFile(path, O_RDONLY | O_DIRECTORY).sync()
    }

    /// The names in a folder, in no order.
    static func names(in path: String) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw FileError(operation: "opendir", path: path, number: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func rename(_ from: String, to destination: String) throws(FileError) {
        guard renameEntry(from, destination) == 0 else {
            throw FileError(operation: "rename", path: from, number: errno)
        }
    }

    /// Gives a file a second name.
    static func link(_ from: String, to destination: String) throws(FileError) {
        guard linkEntry(from, destination) == 0 else {
            throw FileError(operation: "link", path: destination, number: errno)
        }
    }

    /// Whether two names stand for one file.
    static func isSame(_ left: String, _ right: String) throws(FileError) -> Bool {
        try OpenFile(left, O_RDONLY).identity() == OpenFile(right, O_RDONLY).identity()
    }

    /// Harmless if it is gone already.
    static func remove(_ path: String) throws(FileError) {
        if unsafe unlink(path) != 0, errno != ENOENT {
            throw FileError(operation: "unlink", path: path, number: errno)
        }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Bytes that may still be written on the file system of `path`.
    static func freeBytes(_ path: String) throws(FileError) -> UInt64 {
        var information = statvfs()
        guard unsafe statvfs(path, &information) == 0 else {
            throw FileError(operation: "statvfs", path: path, number: errno)
        }
        return UInt64(information.f_bavail) * UInt64(information.f_frsize)
    }
}

/// The functions, which the methods of the same names hide.
private func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }

private func linkEntry(_ from: String, _ destination: String) -> Int32 {
    unsafe link(from, destination)
}

private func renameEntry(_ from: String, _ destination: String) -> Int32 {
    unsafe rename(from, destination)
}
