package import NIOPosix
package import SharedConfig

/// Keeps backends that were made for a configuration, so that all connections with the same
/// effective configuration share one.
///
/// The least recently used one leaves when the cache is full; connections that use it keep it. A
/// backend that could not be made is tried again at the next connection.
package actor BackendCache: BackendProvider {
    /// Holds the switch over the kinds; runs on a thread that may block.
    package typealias Make = @Sendable (UserConfig) throws -> any Backend

    private struct Entry {
        let id: UInt64
        let config: UserConfig
        let backend: Task<any Backend, any Error>
    }

    /// Different configurations at one time; each entry is a few kilobytes.
    private static let limit = 64

    private let pool: NIOThreadPool
    private let make: Make
    private var entries: [Entry] = []
    private var lastID: UInt64 = 0

    package init(pool: NIOThreadPool = .singleton, make: @escaping Make) {
        self.pool = pool
        self.make = make
    }

    package func backend(for config: UserConfig) async throws -> any Backend {
        let entry = entry(for: config)
        do {
            return try await entry.backend.value
        } catch {
            entries.removeAll { $0.id == entry.id }
            throw error
        }
    }

    private func entry(for config: UserConfig) -> Entry {
        if let index = entries.firstIndex(where: { $0.config.hasSameBackend(as: config) }) {
            let entry = entries.remove(at: index)
            entries.append(entry)
            return entry
        }
        if entries.count == Self.limit { entries.removeFirst() }
        lastID += 1
        let entry = Entry(
            id: lastID,
            config: config,
            backend: Task { [pool, make] in try await pool.runIfActive { try make(config) } }
        )
        entries.append(entry)
        return entry
    }
}

extension UserConfig {
    /// Whether the parts that make a backend are the same; the policy may differ.
    fileprivate func hasSameBackend(as other: UserConfig) -> Bool {
        guard backend == other.backend else { return false }
        return switch backend {
        case .docker: docker == other.docker
        case .kubernetes: kubernetes == other.kubernetes
        case .sshproxy: sshproxy == other.sshproxy
        case .sandbox: sandbox == other.sandbox
        case .oci: oci == other.oci
        }
    }
}
