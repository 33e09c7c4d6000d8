import Glibc

/// Private key files on disk.
enum HostKeyFile {
    static let noSuchFile = ENOENT

    /// RSA of 16384 bits takes 13 KB.
    private static let maximumSize = 64 * 1024

    /// The text of a file, and its mode.
    static func read(_ path: String) throws(HostKeyError) -> (text: String, mode: mode_t) {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(path, errno) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw .unreadable(path, errno) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 8192)
        while bytes.count <= maximumSize {
            let count = unsafe Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path, errno) }
            if count == 0 { break }
            bytes += chunk.prefix(count)
        }
        guard bytes.count <= maximumSize else { throw .unreadable(path, EFBIG) }
        return (String(decoding: bytes, as: UTF8.self), status.st_mode)
    }

    /// Puts a new key at `path`, readable by its owner alone, whole or not at all, and on disk
    /// before it is used. False if something is there already.
    static func create(_ path: String, _ text: String) throws(HostKeyError) -> Bool {
        let temporary = "\(path).\(UInt64.random(in: 0 ... .max)).new"
        let file = unsafe open(
            temporary,
            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
            0o600
        )
        guard file >= 0 else { throw .unwritable(path, errno) }
        defer { unsafe unlink(temporary) }
        let failure = write(Array(text.utf8), to: file)
        let closing = close(file) == 0 ? 0 : errno
        guard failure == 0, closing == 0 else {
            throw .unwritable(path, failure != 0 ? failure : closing)
        }
        // Unlike rename, link never replaces a key that another process has put there.
        guard unsafe link(temporary, path) == 0 else {
            guard errno == EEXIST else { throw .unwritable(path, errno) }
            return false
        }
        try syncFolder(of: path)
        return true
    }

    /// 0, or `errno`.
    private static func write(_ bytes: [UInt8], to file: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            rest = rest.dropFirst(count)
        }
        return fsync(file) == 0 ? 0 : errno
    }

    private static func syncFolder(of path: String) throws(HostKeyError) {
        let end = path.lastIndex(of: "/")
        let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let file = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw .unwritable(path, errno) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw .unwritable(path, errno) }
    }
}
