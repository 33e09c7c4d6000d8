import Glibc
import NIOPosix
import SharedMessages
package import SharedSSH

/// The revocation list on disk; a login after a change sees the change.
package actor RevokedKeys {
    private struct Version: Equatable {
        let device: UInt
        let inode: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// A list of a million keys takes 44 MB in its largest form.
    private static let maximumSize = 64 << 20

    private let path: String
    private var known: (version: Version, list: KeyRevocationList)?

    package init(path: String) { self.path = path }

    /// The list as it stands on disk now.
    ///
    /// - Throws: `CodedError` `SSH_AUTH_REVOCATION_UNREADABLE`; nobody may log in with a key then.
    package func current() async throws -> KeyRevocationList {
        do {
            let (path, version) = (path, known?.version)
            let found = try await NIOThreadPool.singleton.runIfActive {
                try Self.read(path, unless: version)
            }
            if let found { known = found }
            if let known { return known.list }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw CodedError(.sshAuthRevocationUnreadable, detail: "\(path): \(error)")
        }
        throw CodedError(.sshAuthRevocationUnreadable, detail: path)
    }

    /// Blocks on the disk; `nil` if the file is still `version`.
    private static func read(
        _ path: String,
        unless version: Version?
    ) throws -> (version: Version, list: KeyRevocationList)? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(errno) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw Failure(errno) }
        let found = Version(
            device: UInt(status.st_dev),
            inode: UInt(status.st_ino),
            size: Int(status.st_size),
            seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec
        )
        if found == version { return nil }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(EINVAL) }
        return (found, try KeyRevocationList(bytes: try contents(of: file)))
    }

    private static func contents(of file: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(errno) }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
            guard bytes.count <= maximumSize else { throw Failure(EFBIG) }
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        let number: Int32

        init(_ number: Int32) { self.number = number }

        var description: String { unsafe String(cString: strerror(number)) }
    }
}
