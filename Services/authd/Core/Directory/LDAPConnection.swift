import CDirectory
import Glibc
import Synchronization

/// Why a call to an LDAP server has brought nothing.
enum LDAPFailure: Error, Hashable {
    /// The server has said no, for the log; with what its password policy has said besides.
    case refused(String, LDAPPolicyError?)
    /// The connection is gone.
    case lost(String)
    case silent
    /// No verdict: the server is in trouble, or the configuration is wrong.
    case failed(String)

    var text: String {
        switch self {
        case .refused(let text, _), .lost(let text), .failed(let text): text
        case .silent: "no answer in time"
        }
    }
}

/// What a server's password policy objects to (draft-behera-ldap-password-policy-10 §6.2).
enum LDAPPolicyError: Int32 {
    case passwordExpired = 0
    case accountLocked = 1
    case changeAfterReset = 2
}

/// An entry as a search has found it.
struct LDAPEntry: Sendable, Hashable {
    var name = ""
    /// By the attribute's name in small letters.
    var attributes: [String: [[UInt8]]] = [:]

    /// The values that are texts of one line.
    func texts(_ attribute: String) -> [String] {
        (attributes[attribute.lowercased()] ?? []).compactMap { bytes in
            // Lines are often kept with their end.
            let end = bytes.lastIndex { ![0x0A, 0x0D, 0x20].contains($0) } ?? -1
            guard let text = String(validating: bytes[...end], as: UTF8.self),
                !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
            else { return nil }
            return text
        }
    }
}

/// A connection to one LDAP server. Every call may block, for no longer than its timeout.
final class LDAPConnection: Sendable {
    struct Server: Sendable, Hashable {
        var url: String
        /// A file of PEM certificates.
        var authorities: String
        var startTLS: Bool
        var connectTimeout: Duration
        var timeout: Duration
    }

    struct Search: Sendable, Hashable {
        var base: String
        var isSubtree: Bool
        var filter: String
        var attributes: [String]
        /// More are not asked for.
        var most: Int
    }

    struct Found: Sendable, Hashable {
        var entries: [LDAPEntry] = []
        /// Whether there are more.
        var isTruncated = false
    }

    /// The library's pointer as a number. The lock makes the calls of different threads follow one
    /// another.
    private let address: Mutex<UInt>
    private let timeout: Int

    /// Throws an `LDAPFailure`. Without StartTLS the server is not asked before the first call.
    init(_ server: Server) throws(LDAPFailure) {
        timeout = server.timeout.milliseconds
        var handle: UnsafeMutableRawPointer?
        var outcome = unsafe directory_outcome()
        let result = unsafe server.url.withCString { url in
            unsafe server.authorities.withCString { authorities in
                var description = unsafe directory_server(
                    url: url,
                    authorities: server.authorities.isEmpty ? nil : authorities,
                    starts_tls: server.startTLS ? 1 : 0,
                    connect_milliseconds: server.connectTimeout.milliseconds,
                    answer_milliseconds: server.timeout.milliseconds
                )
                return unsafe directory_open(&handle, &description, &outcome)
            }
        }
        address = Mutex(UInt(bitPattern: handle))
        _ = try unsafe Self.take(result, &outcome)
    }

    deinit {
        address.withLock { unsafe directory_close(UnsafeMutableRawPointer(bitPattern: $0)) }
    }

    /// Proves to be `name`; an empty one with an empty password is nobody (RFC 4513 §5.1).
    func bind(_ name: String, _ password: [UInt8]) throws(LDAPFailure) {
        try address.withLock { address throws(LDAPFailure) in
            var outcome = unsafe directory_outcome()
            let result = unsafe directory_bind(
                UnsafeMutableRawPointer(bitPattern: address),
                name,
                password,
                password.count,
                timeout,
                &outcome
            )
            let policy = unsafe LDAPPolicyError(rawValue: outcome.policy)
            do throws(LDAPFailure) {
                _ = try unsafe Self.take(result, &outcome)
            } catch {
                guard case .refused(let text, _) = error else { throw error }
                throw .refused(text, policy)
            }
            // A password that must be changed before anything else is none to log in with.
            if policy == .changeAfterReset { throw .refused("password was reset", policy) }
        }
    }

    func find(_ search: Search) throws(LDAPFailure) -> Found {
        try address.withLock { address throws(LDAPFailure) in
            var outcome = unsafe directory_outcome()
            let result = unsafe directory_search(
                UnsafeMutableRawPointer(bitPattern: address),
                search.base,
                search.isSubtree ? 1 : 0,
                search.filter,
                search.attributes.joined(separator: " "),
                Int32(clamping: search.most),
                timeout,
                &outcome
            )
            return try unsafe Self.take(result, &outcome)
        }
    }

    /// Turns a call's result into a value, and frees what the library has made.
    private static func take(
        _ result: Int32,
        _ outcome: inout directory_outcome
    ) throws(LDAPFailure) -> Found {
        defer { unsafe directory_release(&outcome) }
        let text = unsafe outcome.error.map { unsafe String(cString: $0) } ?? ""
        switch result {
        case Int32(DIRECTORY_DONE.rawValue): return unsafe found(outcome)
        case Int32(DIRECTORY_REFUSED.rawValue): throw .refused(text, nil)
        case Int32(DIRECTORY_LOST.rawValue): throw .lost(text)
        case Int32(DIRECTORY_SILENT.rawValue): throw .silent
        default: throw .failed(text)
        }
    }

    private static func found(_ outcome: directory_outcome) -> Found {
        var entries = unsafe [LDAPEntry](repeating: LDAPEntry(), count: Int(outcome.entries))
        let values = unsafe UnsafeBufferPointer(start: outcome.values, count: outcome.count)
        for index in values.indices {
            let value = unsafe values[index]
            let bytes = unsafe Array(UnsafeBufferPointer(start: value.bytes, count: value.length))
            let attribute = unsafe String(cString: value.attribute).lowercased()
            let place = unsafe Int(value.entry)
            if attribute.isEmpty {
                entries[place].name = String(decoding: bytes, as: UTF8.self)
            } else {
                entries[place].attributes[attribute, default: []].append(bytes)
            }
        }
        return unsafe Found(entries: entries, isTruncated: outcome.is_truncated != 0)
    }
}

/// A distinguished name as a server has written it.
struct LDAPName: Sendable, Hashable {
    /// In one spelling, in small letters.
    let normalized: String
    /// The value of the first part, as `admins` in `cn=admins,ou=groups`.
    let first: String

    /// `nil` for what is no name (RFC 4514).
    init?(_ text: String) {
        var normalized: UnsafeMutablePointer<CChar>?
        var first: UnsafeMutablePointer<CChar>?
        defer {
            unsafe free(normalized)
            unsafe free(first)
        }
        guard unsafe directory_parse_name(text, &normalized, &first) != 0,
            let whole = unsafe normalized, let value = unsafe first
        else { return nil }
        self.normalized = unsafe String(cString: whole).lowercased()
        self.first = unsafe String(cString: value)
    }

    func isBelow(_ base: LDAPName) -> Bool {
        normalized.hasSuffix("," + base.normalized)
    }
}

extension Duration {
    /// At least one.
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}
