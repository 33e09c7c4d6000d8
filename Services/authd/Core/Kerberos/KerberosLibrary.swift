import CKerberos
import SharedMessages
import Synchronization

/// MIT's Kerberos library, as far as authd needs it (gssapi_krb5, krb5). Every call may block.
enum KerberosLibrary {
    /// What a call has brought.
    struct Outcome: Sendable {
        var isComplete = false
        var token: [UInt8] = []
        /// As `name@REALM`; empty while nobody is known.
        var principal = ""
        /// Of the local user whom krb5.conf(5) maps it to; empty for nobody.
        var localName = ""
        /// The content of a credential cache; empty where no tickets came.
        var cache: [UInt8] = []
    }

    /// Somebody is not who they claim to be, for the log.
    struct Refusal: Error {
        let reason: String
    }

    /// Has every later call read this file instead of the system's krb5.conf(5); not while other
    /// threads call the library.
    static func use(configuration path: String) throws {
        guard unsafe kerberos_use_configuration(path) == 0 else {
            throw CodedError(.authdKerberosFailed, detail: "no memory for \(path)")
        }
    }

    /// Throws `AUTHD_KERBEROS_FAILED` for a keytab that cannot be used.
    static func check(keytab: String) throws {
        var outcome = unsafe kerberos_outcome()
        _ = try unsafe take(kerberos_check_keytab(keytab, &outcome), &outcome)
    }

    /// Gets a ticket for `name` with the password, and checks by the keytab who gave it.
    ///
    /// Throws a `Refusal`, or `AUTHD_KERBEROS_FAILED` where no answer could be had.
    static func check(
        _ password: [UInt8],
        of name: String,
        _ keytab: String,
        _ acceptor: String
    ) throws -> Outcome {
        // C ends a text at its first zero; no password has one.
        guard !password.contains(0), let text = String(validating: password, as: UTF8.self) else {
            throw Refusal(reason: "a password that Kerberos cannot take")
        }
        var outcome = unsafe kerberos_outcome()
        let result = unsafe kerberos_password(name, text, keytab, acceptor, &outcome)
        return try unsafe take(result, &outcome)
    }

    /// Turns a call's result into a value, and frees what the library has made.
    fileprivate static func take(
        _ result: Int32,
        _ outcome: inout kerberos_outcome
    ) throws -> Outcome {
        defer { unsafe kerberos_release(&outcome) }
        let reason = unsafe text(outcome.error)
        switch result {
        case Int32(KERBEROS_DONE.rawValue):
            return unsafe Outcome(
                isComplete: outcome.is_complete != 0,
                token: bytes(outcome.token, outcome.token_length),
                principal: text(outcome.principal),
                localName: text(outcome.local_name),
                cache: bytes(outcome.cache, outcome.cache_length)
            )
        case Int32(KERBEROS_REFUSED.rawValue):
            throw Refusal(reason: reason)
        default:
            throw CodedError(.authdKerberosFailed, detail: reason, isRetryable: true)
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
        guard let pointer = unsafe pointer else { return "" }
        return unsafe String(cString: pointer)
    }

    private static func bytes(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int) -> [UInt8] {
        guard let start = unsafe start else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }
}

/// A context that is being, or has been, established with a client. Only one call at a time.
final class KerberosContext: Sendable {
    /// The library's pointer as a number, 0 before the first token. The lock makes the calls of
    /// different threads follow one another.
    private let address = Mutex<UInt>(0)

    deinit {
        address.withLock { unsafe kerberos_forget(UnsafeMutableRawPointer(bitPattern: $0)) }
    }

    /// Throws a `Refusal`, or `AUTHD_KERBEROS_FAILED` for a keytab that cannot be used.
    func accept(_ token: [UInt8], keytab: String, acceptor: String) throws
        -> KerberosLibrary.Outcome
    {
        try address.withLock { address in
            var context = unsafe UnsafeMutableRawPointer(bitPattern: address)
            var outcome = unsafe kerberos_outcome()
            let result = unsafe kerberos_accept(
                &context,
                keytab,
                acceptor,
                token,
                token.count,
                &outcome
            )
            address = UInt(bitPattern: context)
            return try unsafe KerberosLibrary.take(result, &outcome)
        }
    }

    /// Throws a `Refusal` for a MIC that is not of the context's peer.
    func verify(_ mic: [UInt8], over text: [UInt8]) throws {
        try address.withLock { address in
            var outcome = unsafe kerberos_outcome()
            let result = unsafe kerberos_verify(
                UnsafeMutableRawPointer(bitPattern: address),
                text,
                text.count,
                mic,
                mic.count,
                &outcome
            )
            _ = try unsafe KerberosLibrary.take(result, &outcome)
        }
    }
}
