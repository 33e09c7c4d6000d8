import Crypto
import Foundation
package import SharedMessages
import Synchronization

/// The agent's program and how it is laid out inside containers.
///
/// One folder, `/.berth`: `agent` is the program, `bin` has links to it by the names it acts on.
package final class AgentFiles: Sendable {
    package static let root = "/.berth"
    package static let agent = root + "/agent"
    /// Comes last in PATH.
    package static let binaries = root + "/bin"

    /// Where a socket of the gateway's stands, when there is one.
    package static let socket = root + "/link"

    static let links = ["scp", "sftp-server"]
    private static let name = "berth-agent"
    /// The agent has some megabytes.
    private static let longest = 256 << 20

    private let path: String
    private let folder: String
    private let content = Mutex<[UInt8]?>(nil)
    private let prepared = Mutex<String?>(nil)

    /// `program` is the path of the agent's executable, empty: `berth-agent` beside this
    /// process's own. `folder` is where `preparedFolder()` keeps what it makes.
    package init(program: String = "", folder: String) {
        path =
            program.isEmpty
            ? URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                .appending(path: Self.name).path
            : program
        self.folder = folder
    }

    /// A folder of this machine that looks like `/.berth`, made when it is not there. Blocks.
    ///
    /// It is named after the program's content and never changes, so that running containers keep
    /// theirs when the gateway is replaced. Throws `AGENT_FILES_FAILED`.
    package func preparedFolder() throws(CodedError) -> String {
        if let ready = prepared.withLock({ $0 }) { return ready }
        let content = try load()
        do {
            let digest = SHA256.hash(data: content).prefix(16).map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
            let path = folder + "/" + digest
            try makeFolder(path, content)
            prepared.withLock { $0 = path }
            return path
        } catch {
            throw CodedError(.agentFilesFailed, detail: "\(folder): \(error)", cause: error)
        }
    }

    /// A folder of this machine for sockets of ours, made when it is not there; what is older than
    /// an opening takes was left by a gateway that died. Blocks.
    package func socketFolder() throws -> String {
        let path = folder + "/links"
        let files = FileManager.default
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        // Others may pass, as an engine's user may be one, and see no names.
        try files.setAttributes([.posixPermissions: 0o711], ofItemAtPath: path)
        for name in try files.contentsOfDirectory(atPath: path) {
            let facts = try? files.attributesOfItem(atPath: path + "/" + name)
            guard let made = facts?[.modificationDate] as? Date else { continue }
            if made.timeIntervalSinceNow < -3600 {
                try? files.removeItem(atPath: path + "/" + name)
            }
        }
        return path
    }

    private func makeFolder(_ path: String, _ content: [UInt8]) throws {
        let files = FileManager.default
        if try isOurs(path) { return }
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let part = "\(folder)/.part-\(UUID().uuidString)"
        defer { try? files.removeItem(atPath: part) }  // Renamed, as a rule.
        try files.createDirectory(atPath: part + "/bin", withIntermediateDirectories: true)
        try Data(content).write(to: URL(filePath: part + "/agent"))
        for link in Self.links {
            try files.createSymbolicLink(
                atPath: "\(part)/bin/\(link)",
                withDestinationPath: "../agent"
            )
        }
        // Something that the socket can be mounted on.
        try Data().write(to: URL(filePath: part + "/link"))
        for file in ["", "/agent", "/bin"] {
            try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: part + file)
        }
        try Self.waitForWriters(part + "/agent")
        do {
            try files.moveItem(atPath: part, toPath: path)
        } catch {
            // Another gateway of this machine was quicker.
            guard try isOurs(path) else { throw error }
        }
    }

    /// Waits until nobody has `path` open for writing.
    ///
    /// A child that another thread forked while we wrote has our descriptor until its own exec, and
    /// the kernel starts no program that somebody can still write to (`ETXTBSY` of execve(2)). A
    /// read lease is refused for just as long (`F_SETLEASE` of fcntl(2)).
    private static func waitForWriters(_ path: String) throws {
        let setLease: Int32 = 1024  // `F_SETLEASE`, which Glibc's module leaves out.
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }  // Read only: nothing is lost.
        let deadline = ContinuousClock.now + .seconds(10)
        while fcntl(file.fileDescriptor, setLease, F_RDLCK) != 0 {
            // A file system without leases has to do without.
            guard errno == EAGAIN else { return }
            guard ContinuousClock.now < deadline else {
                throw CodedError(.agentFilesFailed, detail: "\(path) is still being written")
            }
            usleep(1000)
        }
        _ = fcntl(file.fileDescriptor, setLease, F_UNLCK)
    }

    /// Whether it is there; a folder that others may write to is not taken.
    private func isOurs(_ path: String) throws -> Bool {
        let files = FileManager.default
        guard files.fileExists(atPath: path) else { return false }
        for file in [path, path + "/agent"] {
            let facts = try files.attributesOfItem(atPath: file)
            let owner = (facts[.ownerAccountID] as? NSNumber)?.uint32Value
            let mode = (facts[.posixPermissions] as? NSNumber)?.uint32Value ?? 0o777
            guard owner == getuid() || owner == 0, mode & 0o022 == 0 else {
                throw CodedError(.agentFilesFailed, detail: "\(file) belongs to somebody else")
            }
        }
        return true
    }

    /// The same as an archive for tar(1), to be unpacked at `/`. Blocks.
    ///
    /// Throws `AGENT_FILES_FAILED`.
    package func archive() throws(CodedError) -> [UInt8] {
        var tar = TarWriter()
        tar.folder(".berth/")
        tar.file(".berth/agent", mode: 0o755, try load())
        tar.folder(".berth/bin/")
        for link in Self.links { tar.link(".berth/bin/\(link)", to: "../agent") }
        return tar.finish()
    }

    /// The program itself. Blocks.
    ///
    /// Throws `AGENT_FILES_FAILED`.
    package func program() throws(CodedError) -> [UInt8] { try load() }

    private func load() throws(CodedError) -> [UInt8] {
        if let ready = content.withLock({ $0 }) { return ready }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= Self.longest, data.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
                throw CodedError(.agentFilesFailed, detail: "\(path) is no program")
            }
            let bytes = Array(data)
            content.withLock { $0 = bytes }
            return bytes
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.agentFilesFailed, detail: path, cause: error)
        }
    }
}
