import CProcess
import Clibssh
import DequeModule
import Glibc
import NIOCore
import SharedConfig
import SharedMessages
import SharedSSH

/// libssh's session with the target: key exchange, host key, login, and then whole messages of the
/// connection protocol.
///
/// Belongs to one thread from `init` to `deinit`. Nothing waits but `wait(until:)`.
@safe
final class Transport {
    private let session: ssh_session
    private let event: ssh_event
    private let bell: Int32
    /// The socket until libssh has it: it takes what it was given only when it connects, and closes
    /// nothing before.
    private var unusedSocket: Int32?
    private let identification: UnsafeMutablePointer<CChar>
    private var hook: OpaquePointer?
    private let inbox = TransportInbox()

    /// As PAM asks once, and once more for what only informs.
    private static let questionRounds = 8

    /// What is sure once per process.
    private static let isReady: Bool = ssh_init() == SSH_OK

    /// Takes over a connected socket; `bell` interrupts waiting.
    init(
        socket: Int32,
        bell: Int32,
        username: String,
        config: SSHProxyConfig
    ) throws {
        guard Self.isReady, let session = unsafe ssh_new(), let event = unsafe ssh_event_new()
        else {
            close(socket)
            throw CodedError(.sshproxyBackendHandshakeFailed, detail: "libssh has no memory")
        }
        unsafe self.session = session
        unsafe self.event = event
        self.bell = bell
        unusedSocket = socket
        unsafe identification = strdup(config.clientVersion)
        unsafe hook = berth_ssh_hook_new(
            session,
            { owner, bytes, count in
                guard let owner = unsafe owner, let bytes = unsafe bytes else { return }
                // Kept alive by the transport, which outlives its session.
                let inbox = unsafe Unmanaged<TransportInbox>.fromOpaque(owner)
                    .takeUnretainedValue()
                unsafe inbox.append(UnsafeRawBufferPointer(start: bytes, count: count))
            },
            Unmanaged.passUnretained(inbox).toOpaque()
        )
        unsafe berth_ssh_identify(identification)
        unsafe ssh_set_blocking(session, 0)
        guard unsafe berth_ssh_set_descriptor(session, socket) == SSH_OK else {
            throw failure("socket")
        }
        try setOptions(username, config)
        unsafe _ = ssh_event_add_fd(
            event,
            bell,
            Int16(POLLIN),
            { descriptor, _, _ in
                _ = berth_bell_quiet(descriptor)
                return 0
            },
            nil
        )
    }

    deinit {
        unsafe ssh_event_remove_fd(event, bell)
        // Was never added if the session did not get that far.
        unsafe ssh_event_remove_session(event, session)
        unsafe ssh_event_free(event)
        // Not ssh_disconnect: that forgets a socket which was given to it, and leaves it open.
        unsafe ssh_free(session)
        if let unusedSocket { close(unusedSocket) }
        unsafe berth_ssh_hook_free(hook)
        berth_ssh_identify(nil)
        unsafe free(identification)
    }

    private func setOptions(_ username: String, _ config: SSHProxyConfig) throws {
        // Of the machine's own files none counts.
        unsafe berth_ssh_set_int(session, SSH_OPTIONS_PROCESS_CONFIG, 0)
        let texts: [(ssh_options_e, String)] = [
            (SSH_OPTIONS_HOST, "target"),
            (SSH_OPTIONS_USER, username),
            (SSH_OPTIONS_SSH_DIR, "/nonexistent"),
            (SSH_OPTIONS_KNOWNHOSTS, "/dev/null"),
            (SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"),
            (SSH_OPTIONS_COMPRESSION, "no"),
            (SSH_OPTIONS_KEY_EXCHANGE, SSHProxyTarget.list(config.kex)),
            (SSH_OPTIONS_CIPHERS_C_S, SSHProxyTarget.list(config.ciphers)),
            (SSH_OPTIONS_CIPHERS_S_C, SSHProxyTarget.list(config.ciphers)),
            (SSH_OPTIONS_HMAC_C_S, SSHProxyTarget.list(config.macs)),
            (SSH_OPTIONS_HMAC_S_C, SSHProxyTarget.list(config.macs)),
            (SSH_OPTIONS_HOSTKEYS, SSHProxyTarget.list(config.hostKeyAlgorithms)),
        ]
        for (option, text) in texts
        where unsafe berth_ssh_set_text(session, option, text) != SSH_OK {
            throw failure("libssh does not take \"\(text)\"")
        }
    }

    // MARK: - Waiting

    /// Reads and writes what the socket allows; waits for it or the bell, at most until `end`.
    ///
    /// - Returns: whether anything happened.
    func wait(until end: ContinuousClock.Instant?) -> Bool {
        let milliseconds: Int32 =
            if let end {
                // Rounded up: a wait that ends early is begun again, over and over.
                Int32(clamping: max(.zero, end - .now).wholeMilliseconds)
            } else { -1 }
        return unsafe ssh_event_dopoll(event, milliseconds) != SSH_AGAIN
    }

    /// Repeats a step of libssh until it has come to an end.
    func complete(
        within end: ContinuousClock.Instant,
        unless isStopping: () -> Bool,
        _ step: () -> Int32
    ) throws -> Int32 {
        while true {
            if isStopping() { throw CancellationError() }
            let result = step()
            guard result == SSH_AGAIN else { return result }
            guard ContinuousClock.now < end else { throw TransportTimeout() }
            _ = wait(until: end)
        }
    }

    // MARK: - The steps

    /// Exchanges keys; for `complete`.
    func connect() -> Int32 {
        // From here on the session closes it.
        unusedSocket = nil
        let result = unsafe ssh_connect(session)
        // libssh has made what the event needs only now.
        if !inbox.isWatched, result == SSH_AGAIN {
            inbox.isWatched = true
            unsafe ssh_event_add_session(event, session)
        }
        return result
    }

    /// `SHA256:` and unpadded base64 of the target's host key.
    func fingerprint() throws -> String {
        var key: ssh_key?
        guard unsafe ssh_get_server_publickey(session, &key) == SSH_OK else {
            throw failure("host key")
        }
        defer { unsafe ssh_key_free(key) }
        var hash: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard
            unsafe ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &count) == SSH_OK
        else { throw failure("host key") }
        defer { unsafe ssh_clean_pubkey_hash(&hash) }
        guard
            let text = unsafe ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, count)
        else { throw failure("host key") }
        defer { unsafe ssh_string_free_char(text) }
        return unsafe String(cString: text)
    }

    func tryNone() -> Int32 { unsafe ssh_userauth_none(session, nil) }

    func tryPassword(_ password: String) -> Int32 {
        unsafe ssh_userauth_password(session, nil, password)
    }

    func tryKey(_ key: borrowing PrivateKey) -> Int32 {
        unsafe ssh_userauth_publickey(session, nil, key.pointer)
    }

    func tryAgent() -> Int32 { unsafe ssh_userauth_agent(session, nil) }

    /// Uses the agent behind a connected socket.
    func setAgent(_ socket: Int32) { unsafe ssh_set_agent_socket(session, socket) }

    /// Answers questions with the password, as far as each hides what is typed.
    func tryQuestions(_ password: String) -> Int32 {
        var result = unsafe ssh_userauth_kbdint(session, nil, nil)
        var rounds = 0
        while result == AuthenticationStep.questions {
            rounds += 1
            guard rounds <= Self.questionRounds, answerQuestions(password) else {
                return AuthenticationStep.denied
            }
            result = unsafe ssh_userauth_kbdint(session, nil, nil)
        }
        return result
    }

    private func answerQuestions(_ password: String) -> Bool {
        for index in 0..<UInt32(max(0, unsafe ssh_userauth_kbdint_getnprompts(session))) {
            var echo: CChar = 0
            unsafe _ = ssh_userauth_kbdint_getprompt(session, index, &echo)
            guard echo == 0 else { return false }
            unsafe _ = ssh_userauth_kbdint_setanswer(session, index, password)
        }
        return true
    }

    /// The methods the target would take now, of those known here.
    var methods: Set<LoginMethod> {
        let list = unsafe ssh_userauth_list(session, nil)
        return Set(LoginMethod.allCases.filter { list & $0.flag != 0 })
    }

    /// What the target says to everybody who logs in.
    var banner: String? {
        guard let text = unsafe ssh_get_issue_banner(session) else { return nil }
        defer { unsafe ssh_string_free_char(text) }
        return unsafe String(cString: text)
    }

    /// What libssh or the target last complained of.
    var errorText: String {
        unsafe ssh_get_error(UnsafeMutableRawPointer(session)).map { unsafe String(cString: $0) }
            ?? ""
    }

    // MARK: - Messages

    /// The next message of the connection protocol.
    func nextMessage() -> ByteBuffer? { inbox.messages.popFirst() }

    /// Why the target has hung up, in its own words.
    var farewell: Farewell? { inbox.farewell }

    /// Whether the connection still stands.
    var isConnected: Bool {
        unsafe ssh_is_connected(session) != 0
            && ssh_get_status(session) & (SSH_CLOSED | SSH_CLOSED_ERROR) == 0
    }

    /// Whether bytes wait for the socket.
    var isWritePending: Bool { unsafe ssh_get_status(session) & SSH_WRITE_PENDING != 0 }

    /// Sends one message; `false` when the connection is gone.
    func send(_ message: ByteBuffer) -> Bool {
        unsafe message.withUnsafeReadableBytes { bytes in
            unsafe berth_ssh_send(session, bytes.baseAddress, bytes.count) == SSH_OK
        }
    }

    /// Tells the target that this is the end (RFC 4253 §11.1), as far as the socket takes it.
    func disconnect() {
        var message = ByteBuffer(bytes: [1])
        message.writeInteger(UInt32(11))
        message.writeSSHString("the client has gone")
        message.writeSSHString("")
        _ = send(message)
    }

    func failure(_ what: String) -> CodedError {
        let text = errorText
        return CodedError(
            .sshproxyBackendHandshakeFailed,
            detail: text.isEmpty ? what : "\(what): \(text)"
        )
    }
}

/// A step was not through in time.
struct TransportTimeout: Error {}

/// What the target says when it hangs up (RFC 4253 §11.1).
struct Farewell: Sendable, Hashable {
    var reason: UInt32
    var text: String
}

/// Where libssh's messages go, of the thread that has the transport.
private final class TransportInbox {
    var messages = Deque<ByteBuffer>()
    var farewell: Farewell?
    var isWatched = false

    func append(_ bytes: UnsafeRawBufferPointer) {
        let message = unsafe ByteBuffer(bytes: bytes)
        guard message.getInteger(at: 0, as: UInt8.self) == 1 else {
            messages.append(message)
            return
        }
        farewell = Farewell(disconnect: message)
    }
}

extension Farewell {
    /// Reads DISCONNECT; `nil` when it is malformed.
    fileprivate init?(disconnect message: ByteBuffer) {
        var rest = message
        rest.moveReaderIndex(forwardBy: 1)
        guard let reason = rest.readInteger(as: UInt32.self),
            let count = rest.readInteger(as: UInt32.self),
            let text = rest.readSlice(length: Int(count))
        else { return nil }
        self.reason = reason
        self.text = Self.printable(
            String(decoding: text.readableBytesView.prefix(256), as: UTF8.self)
        )
    }

    /// Without what a terminal could take for a command.
    static func printable(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar in
                let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                return isControl ? " " : Character(scalar)
            }
        )
    }
}

extension Duration {
    /// Rounded up.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
