import CCrypt
import NIOPosix
package import SharedMessages
import Synchronization

/// Hashes and checks passwords with yescrypt (crypt(5)), on threads that may block.
///
/// At most as many hashes as there are threads are computed at the same time, and at most
/// `maximumWaiting` wait; a check beyond that is refused with `AUTHD_BUSY`, so that guessing
/// passwords cannot exhaust the memory that each hash needs (16 MiB by default).
package final class PasswordHasher: Sendable {
    private struct State {
        var underWay = 0
        var computed = 0
    }

    private let prefix = "$y$"
    /// 1...11 (crypt(5)); 0 is the library's default.
    private let cost: UInt
    private let maximumWaiting: Int
    private let state = Mutex(State())
    /// What is checked when there is no hash to check: no password has it.
    private let decoy: String

    /// Computes a hash at once and so blocks; call it at start-up. Throws `AUTHD_HASH_FAILED`.
    package init(cost: UInt = 0, maximumWaiting: Int = 256) throws(CodedError) {
        self.cost = cost
        self.maximumWaiting = maximumWaiting
        let random = (0..<32).map { _ in UInt8.random(in: 1...255) }
        decoy = try Yescrypt.hash(random, setting: try Yescrypt.salt(prefix, cost: cost))
    }

    /// How many hashes have been computed for callers, whatever came of it.
    package var computed: Int { state.withLock { $0.computed } }

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
    /// hash. Throws `AUTHD_BUSY`.
    package func verify(_ password: [UInt8], _ expected: String?) async throws -> Bool {
        // What crypt(3) cannot take is replaced, so that it costs the same time too.
        let isAcceptable = Yescrypt.isAcceptable(password)
        let phrase = isAcceptable ? password : [0x2A]
        let setting = expected ?? decoy
        let found = try await compute { try Yescrypt.hash(phrase, setting: setting) }
        let isSame = areEqual(found, setting)
        return isSame && isAcceptable && expected != nil
    }

    private func compute(_ work: @escaping @Sendable () throws -> String) async throws -> String {
        try state.withLock { state in
            guard state.underWay < maximumWaiting else {
                throw CodedError(.authdBusy, isRetryable: true)
            }
            state.underWay += 1
            state.computed += 1
        }
        defer { state.withLock { $0.underWay -= 1 } }
        return try await NIOThreadPool.singleton.runIfActive(work)
    }
}

/// Takes the same time wherever the texts differ.
private func areEqual(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
}
