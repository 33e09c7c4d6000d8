import CCrypt
import NIOCore
package import SharedMessages
import Synchronization

/// Hashes and checks passwords with yescrypt (crypt(5)), on threads that may block.
///
/// Hashes have threads of their own, by default half as many as processors, so that a flood of
/// passwords leaves the rest to keys. At most `maximumWaiting` checks wait, and none for longer
/// than `longestWait`: one beyond that is refused with `AUTHD_BUSY` instead of being computed for
/// somebody who has given up, and guessing cannot exhaust the memory that each hash needs (16 MiB).
package final class PasswordHasher: Sendable {
    private let prefix = "$y$"
    /// 1...11 (crypt(5)); 0 is the library's default.
    private let cost: UInt
    private let threads: BoundedThreads
    private let count = Mutex(0)
    /// What is checked when there is no hash to check: no password has it.
    private let decoy: String

    /// Computes a hash at once and so blocks; call it at start-up. Throws `AUTHD_HASH_FAILED`.
    ///
    /// `threads` of 0 are half as many as processors. `longestWait` is by default what gateways
    /// wait for an answer.
    package init(
        cost: UInt = 0,
        threads: Int = 0,
        maximumWaiting: Int = 256,
        longestWait: Duration = .seconds(2)
    ) throws(CodedError) {
        self.cost = cost
        self.threads = BoundedThreads(
            threads: threads > 0 ? threads : max(1, System.coreCount / 2),
            most: maximumWaiting,
            longestWait: longestWait
        )
        let random = (0..<32).map { _ in UInt8.random(in: 1...255) }
        decoy = try Yescrypt.hash(random, setting: try Yescrypt.salt(prefix, cost: cost))
    }

    /// How many hashes have been computed for callers, whatever came of it.
    package var computed: Int { count.withLock { $0 } }

    /// A new hash of `password`, fit for the database.
    ///
    /// Throws a `CodedError`: `AUTHD_PASSWORD_INVALID` for what no password can be, `AUTHD_BUSY`,
    /// `AUTHD_HASH_FAILED`.
    package func hash(_ password: [UInt8]) async throws -> String {
        guard Yescrypt.isAcceptable(password) else { throw CodedError(.authdPasswordInvalid) }
        return try await compute { [prefix, cost] in
            try Yescrypt.hash(password, setting: try Yescrypt.salt(prefix, cost: cost))
        }
    }

    /// Whether `password` has the hash `expected`.
    ///
    /// `nil`, for a user that does not exist or has no password, costs the same time as a real
    /// hash; one of another kind, which was imported, costs its own time besides. Throws
    /// `AUTHD_BUSY`.
    package func verify(_ password: [UInt8], _ expected: String?) async throws -> Bool {
        // What crypt(3) cannot take is replaced, so that it costs the same time too.
        let isAcceptable = Yescrypt.isAcceptable(password)
        let phrase = isAcceptable ? password : [0x2A]
        let setting = expected ?? decoy
        let found = try await compute { [decoy] in
            if Self.isForeign(setting) { _ = try Yescrypt.hash(phrase, setting: decoy) }
            return try Yescrypt.hash(phrase, setting: setting)
        }
        let isSame = areEqual(found, setting)
        return isSame && isAcceptable && expected != nil
    }

    /// Whether a hash was imported and is better made anew.
    static func isForeign(_ hash: String) -> Bool { !hash.hasPrefix("$y$") }

    private func compute(_ work: @escaping @Sendable () throws -> String) async throws -> String {
        try await threads.run { [self] in
            count.withLock { $0 += 1 }
            return try work()
        }
    }
}

/// Takes the same time wherever the texts differ.
func areEqual(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
}
