import CFiles
import Glibc
import SharedSystem

/// The calls on files that the store needs, relative to open folders so that no link on the way
/// can lead elsewhere.
enum FileCalls {
    /// A path as bytes that ends with a NUL.
    typealias CPath = [CChar]

    static func path(_ bytes: some Sequence<UInt8>) -> CPath {
        bytes.map { CChar(bitPattern: $0) } + [0]
    }

    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws
        -> Descriptor
    {
        let number = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        return Descriptor(try SystemFailure.check("open \(path)", number))
    }

    static func folder(_ path: String) throws -> Descriptor {
        try open(path, O_RDONLY | O_DIRECTORY)
    }

    /// Opens `path` as if `root` were the root directory.
    static func open(
        in root: Descriptor,
        _ path: CPath,
        _ flags: Int32
    ) throws -> Descriptor {
        let result = unsafe berth_open_in_root(root.number, path, flags, 0)
        return Descriptor(try SystemFailure.result("open", result))
    }

    /// Facts about `name` in `folder`, not about where a link leads; `nil` if there is none.
    static func facts(of name: CPath, in folder: Descriptor) throws -> stat? {
        var facts = stat()
        guard unsafe fstatat(folder.number, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw SystemFailure("stat", errno)
        }
        return facts
    }

    static func makeFolder(_ path: String, mode: mode_t) throws {
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else {
            throw SystemFailure("mkdir \(path)", errno)
        }
    }

    /// Removes `name` from `folder` with everything below it.
    static func remove(_ name: CPath, in folder: Descriptor) throws {
        if unsafe unlinkat(folder.number, name, 0) == 0 || errno == ENOENT { return }
        guard errno == EISDIR else { throw SystemFailure("unlink", errno) }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let inner = Descriptor(
            try SystemFailure.check("open", unsafe openat(folder.number, name, flags))
        )
        for entry in try entries(of: inner) { try remove(entry, in: inner) }
        _ = try SystemFailure.check("rmdir", unsafe unlinkat(folder.number, name, AT_REMOVEDIR))
    }

    /// Removes a folder of the store; what cannot be removed now is met by the next collection.
    static func discard(_ path: String) {
        guard let parent = try? folder((path as String).parentPath) else { return }
        try? remove(Self.path(path.lastComponent.utf8), in: parent)
    }

    /// The names in a folder, without `.` and `..`.
    static func entries(of folder: Descriptor) throws -> [CPath] {
        // The stream owns its descriptor.
        let own = try folder.duplicate()
        guard let stream = unsafe fdopendir(own.number) else {
            throw SystemFailure("fdopendir", errno)
        }
        _ = own.take()
        defer { unsafe closedir(stream) }
        var names: [CPath] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe Array($0.prefix { $0 != 0 })
            }
            if name != [0x2E], name != [0x2E, 0x2E] { names.append(path(name)) }
        }
        return names
    }

    /// Everything of an open file, at most `limit` bytes; `nil` if it is longer.
    static func contents(of file: Descriptor, limit: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe Glibc.read(file.number, &buffer, buffer.count)
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw SystemFailure("read", errno)
            }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            if bytes.count > limit { return nil }
        }
    }

    /// Writes a file so that it is either there whole, on the disk, or not at all.
    static func replace(_ path: String, with bytes: [UInt8]) throws {
        let new = path + ".new"
        let file = try open(new, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes {
                unsafe Glibc.write(file.number, $0.baseAddress, $0.count)
            }
            guard count >= 0 else { throw SystemFailure("write \(new)", errno) }
            written += count
        }
        _ = try SystemFailure.check("fsync \(new)", fsync(file.number))
        _ = try SystemFailure.check("rename \(path)", unsafe rename(new, path))
        try sync(folder: path.parentPath)
    }

    static func sync(folder path: String) throws {
        let folder = try folder(path)
        _ = try SystemFailure.check("fsync \(path)", fsync(folder.number))
    }

    /// Takes a lock of the whole file, waiting for it if `waits`; `false` if somebody else has it.
    static func lock(_ file: Descriptor, _ kind: Int32, waits: Bool) throws -> Bool {
        while flock(file.number, waits ? kind : kind | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw SystemFailure("flock", errno) }
        }
        return true
    }
}

extension String {
    var lastComponent: Substring {
        self[(lastIndex(of: "/").map { index(after: $0) } ?? startIndex)...]
    }
    var parentPath: String { lastIndex(of: "/").map { String(self[..<$0]) } ?? "." }
}
