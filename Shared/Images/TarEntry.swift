import CArchive
import Glibc

/// One entry of a tar file.
struct TarEntry {
    enum Kind: Hashable {
        case file(size: Int)
        case folder
        case symlink(target: [UInt8])
        /// To an entry before it.
        case hardLink(target: EntryPath)
        case pipe
        case device
        case other
    }

    var path: EntryPath
    var kind: Kind
    var owner: uid_t
    var group: gid_t
    /// Permission bits.
    var mode: mode_t
    var modified: timespec
    var attributes: [(name: String, value: [UInt8])]

    /// Attributes beside these mean something to overlayfs or to the host's security modules.
    private static let attributePrefix = "user."
    private static let capability = "security.capability"
    /// Links and attributes are no longer than that (path_resolution(7), xattr(7)).
    private static let mostAttributes = 64 << 10

    init(_ entry: OpaquePointer) throws {
        let path = try EntryPath(unsafe Self.bytes(archive_entry_pathname(entry)))
        self.path = path
        kind = try unsafe Self.kind(of: entry, path)
        owner = try Self.identity(unsafe archive_entry_uid(entry), path)
        group = try Self.identity(unsafe archive_entry_gid(entry), path)
        mode = mode_t(unsafe archive_entry_mode(entry)) & 0o7777
        modified = timespec(
            tv_sec: unsafe archive_entry_mtime(entry),
            tv_nsec: unsafe archive_entry_mtime_nsec(entry)
        )
        attributes = unsafe Self.attributes(of: entry)
    }

    private static func kind(of entry: OpaquePointer, _ path: EntryPath) throws -> Kind {
        if let target = unsafe archive_entry_hardlink(entry) {
            return .hardLink(target: try EntryPath(unsafe bytes(target)))
        }
        switch unsafe berth_archive_entry_kind(entry) {
        case BERTH_ENTRY_FILE: return .file(size: Int(unsafe archive_entry_size(entry)))
        case BERTH_ENTRY_FOLDER: return .folder
        case BERTH_ENTRY_SYMLINK:
            return .symlink(target: try unsafe bytes(archive_entry_symlink(entry)))
        case BERTH_ENTRY_PIPE: return .pipe
        case BERTH_ENTRY_DEVICE: return .device
        default: return .other
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) throws -> [UInt8] {
        guard let text = unsafe text else {
            throw ImageFault.invalid("a name in it cannot be read")
        }
        return unsafe UnsafeRawBufferPointer(start: text, count: strlen(text)).map { $0 }
    }

    private static func identity(_ number: Int64, _ path: EntryPath) throws -> UInt32 {
        // The largest one means "leave it as it is" (chown(2)).
        guard let identity = UInt32(exactly: number), identity != .max else {
            throw ImageFault.invalid("\(path) belongs to the impossible user or group \(number)")
        }
        return identity
    }

    private static func attributes(
        of entry: OpaquePointer
    ) -> [(name: String, value: [UInt8])] {
        var found: [(name: String, value: [UInt8])] = []
        var size = 0
        unsafe archive_entry_xattr_reset(entry)
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while unsafe archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK {
            guard let text = unsafe name.map({ unsafe String(cString: $0) }),
                text.hasPrefix(attributePrefix) || text == capability
            else { continue }
            size += count
            guard size <= mostAttributes else { break }
            found.append((text, unsafe Array(UnsafeRawBufferPointer(start: value, count: count))))
        }
        return found
    }
}

/// Where an entry lies below the image's root, as bytes: file systems know no encoding.
struct EntryPath: Hashable, CustomStringConvertible {
    /// None for the root itself; never empty, `.` or `..`.
    var components: [[UInt8]]

    /// Deeper ones would need many open folders to remove.
    private static let maximumDepth = 256
    private static let maximumName = 255  // NAME_MAX
    private static let maximumLength = 4095  // PATH_MAX without its NUL

    /// A leading slash means the image's root.
    init(_ bytes: [UInt8]) throws {
        let parts = bytes.split(separator: UInt8(ascii: "/")).filter { $0 != [0x2E] }
        let text = String(decoding: bytes.prefix(200), as: UTF8.self)
        guard !parts.contains([0x2E, 0x2E]) else {
            throw ImageFault.invalid("the path \(text) leads out of the image")
        }
        guard parts.count <= Self.maximumDepth, bytes.count <= Self.maximumLength,
            parts.allSatisfy({ $0.count <= Self.maximumName })
        else { throw ImageFault.invalid("the path \(text)… is too long") }
        components = parts.map(Array.init)
    }

    private init(components: some Sequence<[UInt8]>) { self.components = Array(components) }

    var parent: EntryPath { EntryPath(components: components.dropLast()) }
    var name: [UInt8] { components.last ?? [] }

    /// For calls relative to the root's folder.
    var relative: FileCalls.CPath {
        FileCalls.path(components.isEmpty ? [0x2E] : Array(components.joined(separator: [0x2F])))
    }

    var description: String {
        "/" + components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }
}
