import CFiles
import Glibc
import SharedSystem

/// Writes the entries of tar files below a folder, as a layer that overlayfs stacks.
///
/// Every path is looked up as if that folder were the root directory, by the kernel, so no link
/// in an image leads out of it. Whiteouts of the image format become those of overlayfs
/// (image-spec, layer.md; Documentation/filesystems/overlayfs.rst). Device nodes are left out:
/// a container gets its devices from the runtime, and on disk they would be the host's.
struct LayerUnpacker {
    /// What one import has used up of its limits; adds up over its layers.
    struct Usage {
        var bytes = 0
        var entries = 0
        /// Devices and sockets, which are left out.
        var skipped = 0
    }

    private let root: Descriptor
    private let limits: ImageLimits
    private(set) var usage: Usage
    /// Folders whose times change as long as something is put into them.
    private var folders: [(path: EntryPath, modified: timespec)] = []
    private static let whiteout = Array(".wh.".utf8)
    private static let opaque = Array(".wh..wh..opq".utf8)
    private static let reserved = Array(".wh..wh.".utf8)

    /// `folder` exists and belongs to nobody else.
    init(into folder: String, limits: ImageLimits, usage: Usage) throws {
        root = try FileCalls.folder(folder)
        self.limits = limits
        self.usage = usage
    }

    /// Unpacks all entries.
    mutating func unpack(_ reader: TarReader) throws {
        // libarchive converts names by the thread's locale; in this one bytes stay what they are.
        guard let locale = unsafe newlocale(LC_CTYPE_MASK, "C.UTF-8", nil) else {
            throw SystemFailure("newlocale C.UTF-8", errno)
        }
        let before = unsafe uselocale(locale)
        defer {
            unsafe uselocale(before)
            unsafe freelocale(locale)
        }
        while let entry = try reader.next() {
            usage.entries += 1
            guard usage.entries <= limits.entries else {
                throw ImageFault.tooLarge("more than \(limits.entries) files")
            }
            do {
                try add(entry, reader)
            } catch let failure as SystemFailure where !failure.isAboutRoom {
                throw ImageFault.invalid("\(entry.path): \(failure)")
            }
        }
        for folder in folders.reversed() { try setTime(folder.modified, of: folder.path) }
    }

    private mutating func add(_ entry: TarEntry, _ reader: TarReader) throws {
        guard !entry.path.components.isEmpty else {
            if entry.kind == .folder { try finish(root, entry) }
            return
        }
        let parent = try openFolder(entry.path.parent)
        let name = FileCalls.path(entry.path.name)
        if entry.path.name.starts(with: Self.whiteout) {
            return try addWhiteout(entry.path.name, in: parent)
        }
        switch entry.kind {
        case .folder: try addFolder(entry, name, in: parent)
        case .file(let size): try addFile(entry, name, size, in: parent, reader)
        case .hardLink(let target): try addLink(to: target, name, in: parent)
        case .symlink(let target):
            try FileCalls.remove(name, in: parent)
            let made = unsafe symlinkat(FileCalls.path(target), parent.number, name)
            _ = try SystemFailure.check("symlink", made)
            try setOwner(entry, name, in: parent)
            try setTime(entry.modified, name, in: parent)
        case .pipe:
            try FileCalls.remove(name, in: parent)
            _ = try SystemFailure.check("mkfifo", unsafe mkfifoat(parent.number, name, 0o600))
            try setOwner(entry, name, in: parent)
            let changed = unsafe fchmodat(parent.number, name, entry.mode, 0)
            _ = try SystemFailure.check("chmod", changed)
        case .device, .other: usage.skipped += 1
        }
    }

    // MARK: - Kinds

    private mutating func addFolder(
        _ entry: TarEntry,
        _ name: FileCalls.CPath,
        in parent: Descriptor
    ) throws {
        let existing = try FileCalls.facts(of: name, in: parent)
        if existing?.isFolder != true {
            if existing != nil { try FileCalls.remove(name, in: parent) }
            _ = try SystemFailure.check("mkdir", unsafe mkdirat(parent.number, name, 0o700))
        }
        let folder = try openFolder(entry.path)
        // Deleted below and made anew: nothing of the old one shows.
        if existing?.isWhiteout == true { try makeOpaque(folder) }
        try finish(folder, entry)
        folders.append((entry.path, entry.modified))
    }

    private mutating func addFile(
        _ entry: TarEntry,
        _ name: FileCalls.CPath,
        _ size: Int,
        in parent: Descriptor,
        _ reader: TarReader
    ) throws {
        guard size >= 0, usage.bytes <= limits.bytes - min(size, limits.bytes),
            size <= limits.bytes
        else { throw ImageFault.tooLarge("more than \(limits.bytes) bytes of files") }
        usage.bytes += size
        try FileCalls.remove(name, in: parent)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let number = unsafe openat(parent.number, name, flags, 0o600)
        let file = Descriptor(try SystemFailure.check("open", number))
        try unsafe reader.content { bytes, offset in
            guard offset >= 0, offset <= size - bytes.count else {
                throw ImageFault.invalid("\(entry.path) holds more than it says")
            }
            try unsafe write(bytes, at: offset, to: file)
        }
        // A file may end with a hole.
        _ = try SystemFailure.check("truncate", ftruncate(file.number, off_t(size)))
        try finish(file, entry)
        try setTime(entry.modified, name, in: parent)
    }

    private func addLink(
        to target: EntryPath,
        _ name: FileCalls.CPath,
        in parent: Descriptor
    ) throws {
        guard !target.components.isEmpty else { throw SystemFailure("link", EISDIR) }
        let other = try openFolder(target.parent, makes: false)
        let source = FileCalls.path(target.name)
        guard let facts = try FileCalls.facts(of: source, in: other), !facts.isWhiteout else {
            throw ImageFault.invalid("a link leads to \(target), which is not in the same layer")
        }
        // Removing the name must not remove the file.
        if let own = try FileCalls.facts(of: name, in: parent), own.st_ino == facts.st_ino {
            return
        }
        try FileCalls.remove(name, in: parent)
        let made = unsafe linkat(other.number, source, parent.number, name, 0)
        _ = try SystemFailure.check("link", made)
    }

    private func addWhiteout(_ name: [UInt8], in parent: Descriptor) throws {
        if name == Self.opaque { return try makeOpaque(parent) }
        // Notes of another union file system to itself.
        guard !name.starts(with: Self.reserved) else { return }
        let hidden = try EntryPath(Array(name.dropFirst(Self.whiteout.count)))
        guard hidden.components.count == 1 else {
            throw ImageFault.invalid("a whiteout names nothing")
        }
        let path = FileCalls.path(hidden.name)
        switch try FileCalls.facts(of: path, in: parent) {
        case nil:
            let made = unsafe mknodat(parent.number, path, S_IFCHR, 0)
            _ = try SystemFailure.check("mknod", made)
        case let facts? where facts.isFolder:
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let folder = unsafe openat(parent.number, path, flags)
            try makeOpaque(Descriptor(try SystemFailure.check("open", folder)))
        // It is of this layer, and hides what lies below already.
        case _?: break
        }
    }

    private func makeOpaque(_ folder: Descriptor) throws {
        try setAttribute("trusted.overlay.opaque", Array("y".utf8), of: folder)
    }

    // MARK: - Parts

    /// Opens a folder below the root; one that the layer does not name is made like the root's.
    private func openFolder(_ path: EntryPath, makes: Bool = true) throws -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY
        do {
            return try FileCalls.open(in: root, path.relative, flags)
        } catch {
            guard (error as? SystemFailure)?.number == ENOENT, makes, !path.components.isEmpty
            else { throw error }
        }
        let parent = try openFolder(path.parent)
        let made = unsafe mkdirat(parent.number, FileCalls.path(path.name), 0o755)
        _ = try SystemFailure.check("mkdir", made)
        return try FileCalls.open(in: root, path.relative, flags)
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        to file: Descriptor
    ) throws {
        var written = 0
        while written < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = unsafe pwrite(
                file.number,
                rest.baseAddress,
                rest.count,
                off_t(offset + written)
            )
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemFailure("write", errno) }
            written += count
        }
    }

    /// Owner before mode: a change of owner takes the set-user-ID bit away.
    private func finish(_ file: Descriptor, _ entry: TarEntry) throws {
        _ = try SystemFailure.check("chown", fchown(file.number, entry.owner, entry.group))
        _ = try SystemFailure.check("chmod", fchmod(file.number, entry.mode))
        for (name, value) in entry.attributes { try setAttribute(name, value, of: file) }
    }

    private func setAttribute(_ name: String, _ value: [UInt8], of file: Descriptor) throws {
        let result = unsafe berth_set_attribute(file.number, name, value, value.count)
        // File systems without a person's own attributes can still hold images.
        if result == -EOPNOTSUPP, name.hasPrefix("user.") { return }
        _ = try SystemFailure.result("setxattr \(name)", result)
    }

    private func setOwner(
        _ entry: TarEntry,
        _ name: FileCalls.CPath,
        in parent: Descriptor
    ) throws {
        let result = unsafe fchownat(
            parent.number,
            name,
            entry.owner,
            entry.group,
            AT_SYMLINK_NOFOLLOW
        )
        _ = try SystemFailure.check("chown", result)
    }

    private func setTime(_ time: timespec, of folder: EntryPath) throws {
        guard !folder.components.isEmpty else { return }
        // One that a later entry has replaced has its time already.
        guard let parent = try? openFolder(folder.parent, makes: false) else { return }
        try setTime(time, FileCalls.path(folder.name), in: parent)
    }

    private func setTime(
        _ time: timespec,
        _ name: FileCalls.CPath,
        in parent: Descriptor
    ) throws {
        let times = [time, time]
        // A time that the file system cannot keep is none that anybody needs.
        _ = unsafe utimensat(parent.number, name, times, AT_SYMLINK_NOFOLLOW)
    }
}

extension stat {
    var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    var isFile: Bool { st_mode & S_IFMT == S_IFREG }
    /// As overlayfs marks what a layer deletes.
    var isWhiteout: Bool { st_mode & S_IFMT == S_IFCHR && st_rdev == 0 }
}

extension SystemFailure {
    /// The store's trouble and not the image's.
    fileprivate var isAboutRoom: Bool {
        [ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE, ENOMEM, EPERM, EACCES].contains(number)
    }
}
