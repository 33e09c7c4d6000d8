import FoundationEssentials
import Logging
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The keys to sign with at the moment: read again when their file changes, and in time before they
/// end.
actor CredentialStore {
    /// Before their end.
    private static let margin: TimeInterval = 300
    /// After a failure or a refusal, before STS is asked again.
    private static let pause = Duration.seconds(5)

    private let source: CredentialSource
    private let logger: Logger
    private var known: S3Credentials?
    private var fileMark: [Int64] = []
    private var askedAt: ContinuousClock.Instant?
    private var asking: Task<S3Credentials, any Error>?

    init(_ source: CredentialSource, logger: Logger) {
        self.source = source
        self.logger = logger
    }

    /// Throws an `S3Failure`, mostly with reason `credentials`.
    func current() async throws -> S3Credentials {
        switch source {
        case .keys(let keys): return keys
        case .file(let path, let profile): return try file(path, profile)
        case .webIdentity(let identity): return try await session(identity)
        }
    }

    /// These were refused: the next call looks for others.
    func refused(_ credentials: S3Credentials) {
        guard known == credentials, askedAt.map({ .now - $0 > Self.pause }) ?? true else { return }
        known = nil
    }

    /// Reading a small file of this machine may block for an instant.
    private func file(_ path: String, _ profile: String) throws -> S3Credentials {
        let file: OpenFile
        let mark: [Int64]
        do throws(FileError) {
            file = try OpenFile(path, O_RDONLY)
            mark =
                try [file.modificationTime(), Int64(clamping: file.size())]
                + file.identity().map { Int64(truncatingIfNeeded: $0) }
        } catch {
            throw S3Failure(.credentials, detail: "\(error)")
        }
        if let known, mark == fileMark { return known }
        let bytes = try file.read(at: 0, count: 64 << 10)
        let text = String(decoding: bytes.readableBytesView, as: UTF8.self)
        let credentials = try CredentialsFile.parse(text, profile: profile)
        (known, fileMark) = (credentials, mark)
        return credentials
    }

    /// One call to STS for all who ask meanwhile; keys that still hold outlive a failure of it.
    private func session(_ identity: WebIdentity) async throws -> S3Credentials {
        let left = known?.expires.map { $0.timeIntervalSinceNow } ?? 0
        if let known, left > Self.margin { return known }
        if let known, left > 0, let askedAt, .now - askedAt < Self.pause { return known }
        let task = asking ?? Task { [logger] in try await identity.credentials(logger: logger) }
        asking = task
        askedAt = .now
        defer { if asking == task { asking = nil } }
        do {
            let credentials = try await task.value
            known = credentials
            return credentials
        } catch {
            if let known, left > 0 { return known }
            throw error
        }
    }
}
