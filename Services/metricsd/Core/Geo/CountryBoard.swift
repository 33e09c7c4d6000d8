import Foundation
package import Logging
import NIOPosix
import ServiceLifecycle
import SharedLogging
package import SharedMessages
import Synchronization

/// Says which country an address is in, from a database file that is opened again whenever it was
/// replaced.
///
/// A file that cannot be used changes nothing: the one before is kept, and the fault is told once
/// for each new state of the file.
package final class CountryBoard: Service {
    /// Between two looks at the file.
    private static let interval = Duration.seconds(5)

    private struct FileState: Equatable {
        var inode: UInt64
        var size: UInt64
        var changed: Date
    }

    private struct State {
        var database: CountryDatabase?
        var file: FileState?
    }

    private let path: String
    private let logger: Logger
    private let state = Mutex(State())

    /// Opens the file, which blocks. Throws `GEOIP_UNUSABLE`.
    package init(path: String, logger: Logger) throws(CodedError) {
        self.path = path
        self.logger = logger
        let file = Self.look(at: path)
        let database = try CountryDatabase(path: path)
        state.withLock { $0 = State(database: database, file: file) }
        logger.emit(.geoIPLoaded, ["file": "\(path)", "type": "\(database.type)"])
    }

    /// Two capital letters, or `nil` where nothing is known.
    package func country(of address: String) -> String? {
        // Out of the lock: only the reference is shared.
        let database = state.withLock { $0.database }
        return database?.country(of: address)
    }

    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                try await NIOThreadPool.singleton.runIfActive { self.reload() }
            }
        }
    }

    /// Opens the file anew if it is another than before. Blocks on the disk.
    func reload() {
        let file = Self.look(at: path)
        guard file != state.withLock({ $0.file }) else { return }
        do {
            let database = try CountryDatabase(path: path)
            state.withLock { $0 = State(database: database, file: file) }
            logger.emit(.geoIPLoaded, ["file": "\(path)", "type": "\(database.type)"])
        } catch {
            state.withLock { $0.file = file }
            logger.emit(error)
        }
    }

    private static func look(at path: String) -> FileState? {
        guard let found = try? FileManager.default.attributesOfItem(atPath: path) else {
            return nil
        }
        return FileState(
            inode: (found[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0,
            size: (found[.size] as? NSNumber)?.uint64Value ?? 0,
            changed: found[.modificationDate] as? Date ?? .distantPast
        )
    }
}
