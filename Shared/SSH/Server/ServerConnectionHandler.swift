package import NIOCore

/// What a server does with one connection: the engine asks, the handler answers.
///
/// The engine calls every function on the connection's event loop, in the order in which the
/// client's messages arrived. The next question waits for the answer to the one before, with two
/// exceptions that go on beside the others: global requests and `listen` are a queue of their own
/// (RFC 4254 §4 wants their replies in order), and each `openForward` is for itself. A session's
/// shell, exec and subsystem wait for the global requests that came before them: the program finds
/// the places to listen that the client asked for first. Keepalives, window adjustments, rekeying
/// and the data of open channels never wait.
///
/// Layers of the gateway conform to this and hold the next layer.
package protocol ServerConnectionHandler: Sendable {
    /// The client's identification line has arrived, which says SSH 2.0 and is printable ASCII;
    /// called at once on the event loop. For the outermost layer and its log: nobody else has to
    /// implement it, and layers do not pass it on.
    func versionReceived(_ line: String)

    /// The key exchange is done and the client's identification is known.
    func handshakeCompleted(_ handshake: HandshakeFacts) async

    /// Decides one authentication attempt.
    ///
    /// For a public key the engine asks twice: `.publicKeyProbe` before, `.publicKey` after it has
    /// verified the signature (RFC 4252 §7). A request that arrives signed without a probe asks
    /// only the second.
    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict

    /// The client has been told that it is authenticated; channels follow.
    ///
    /// - Returns: once the connection may serve channels. Requests wait for this, keepalives do
    ///   not. A thrown `ServerRefusal` ends the connection with its reason and text.
    func authenticated(as username: String) async throws

    /// Decides on a `session` channel (RFC 4254 §6.1), which is usable once this function has
    /// returned an acceptance.
    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler>

    /// Decides on a channel that leads elsewhere; called beside other questions, as a dial takes
    /// its time. The engine keeps the number of those in flight below
    /// `ConnectionLimits.pendingQuestions`.
    ///
    /// - Returns: an acceptance only once the far side is connected. The handler's `run()` then
    ///   carries the bytes of `channel`, which is not usable before.
    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler>

    /// Accepts connections for the client, which come to it by
    /// `ServerConnectionControl.openChannel`, until `cancelListen` or the end of the connection.
    /// Programs wait for the answer, so it comes within a limit.
    func listen(_ address: ForwardAddress) async -> ListenReply

    /// Accepts no more connections at `address`; those that exist stay.
    ///
    /// - Returns: whether anybody was listening there.
    func cancelListen(_ address: ForwardAddress) async -> Bool

    /// A global request that is not the engine's own affair (keepalives are answered by it).
    ///
    /// - Returns: the reply; ignored when the client wants none.
    func globalRequest(_ request: GlobalRequest) async -> GlobalReply

    /// A channel of a type the engine knows no handling for, for the log and the metrics; it is
    /// refused with `SSH_OPEN_UNKNOWN_CHANNEL_TYPE`.
    func unsupportedChannel(type: String) async

    /// A channel open or a global request was refused because its payload did not parse, for the
    /// log and the recording.
    func malformed(_ request: MalformedRequest) async

    /// The transport is gone or was closed; called exactly once, last, also when the handshake or
    /// the authentication never finished. The engine waits for it under its shutdown deadline.
    func disconnected(_ end: ConnectionEnd) async
}

/// What whoever owns an open channel is told.
package protocol ChannelOwner: Sendable {
    /// The channel is closed on both sides, or the connection is gone. Called exactly once.
    func closed() async
}

extension ServerConnectionHandler {
    package func versionReceived(_ line: String) {}
}

/// What a session channel's owner does with the client's requests.
package protocol SessionHandler: ChannelOwner {
    /// Answers one request; the engine sends the reply if the client wanted one.
    func handle(_ request: SessionRequest) async -> Bool
}

/// Carries the bytes of a channel that leads elsewhere.
package protocol ForwardHandler: ChannelOwner {
    /// Called once, when the client is being told that the channel is open; the engine closes the
    /// channel when this returns, and cancels it when the channel is gone before.
    func run() async
}

/// One channel as its owner sees it: pulls input, pushes output, both with back-pressure through
/// the SSH window (RFC 4254 §5.2).
///
/// Every function may be called from any task; the work happens on the connection's event loop.
package protocol ByteChannel: AnyObject, Sendable {
    /// Increases by one for each channel of the connection, never reused.
    var id: UInt64 { get }

    /// The connection's event loop: backends put their pipes on it, so that bytes change no thread.
    var eventLoop: any EventLoop { get }

    /// The next bytes from the client; `nil` once it has sent EOF and all was read.
    ///
    /// Reading is what gives the client more window. One reader at a time.
    /// - Throws: `ChannelClosed` when the channel was closed without EOF.
    func read() async throws -> ByteBuffer?

    /// Sends bytes; returns once window and socket have taken them.
    ///
    /// - Throws: `ChannelClosed` when the channel closes before the bytes were taken.
    func write(_ bytes: ByteBuffer) async throws

    /// Tells the client that no more output follows (RFC 4254 §5.3). Harmless when repeated.
    func sendEOF() async

    /// Sends CLOSE after everything already written. Harmless when repeated.
    func close() async
}

/// A `session` channel (RFC 4254 §6).
package protocol SessionChannel: ByteChannel {
    /// Sends bytes of one of a program's two outputs; otherwise as `write(_:)`.
    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws

    /// Sends `exit-status` or `exit-signal` (RFC 4254 §6.10), at most once, before EOF or close.
    func sendExit(_ exit: ProgramExit) async

    /// Tells a client that understands it (`eow@openssh.com`, OpenSSH's PROTOCOL §2.1) that
    /// nobody reads its input any more. Harmless when repeated.
    func sendEndOfWrite() async

    /// Who is to be told what a terminal hides, if anybody is.
    var inputWatch: (any InputWatch)? { get }
}

extension SessionChannel {
    package var inputWatch: (any InputWatch)? { nil }

    package func write(_ bytes: ByteBuffer) async throws { try await write(bytes, to: .stdout) }
}

/// Thrown by channel operations once the channel no longer exists.
package struct ChannelClosed: Error, Sendable {
    package init() {}
}

/// Where a program's output goes on a channel.
package enum OutputStream: Sendable, Hashable {
    case stdout
    /// Extended data type 1 (RFC 4254 §5.2).
    case stderr
}

/// How a program ended.
package enum ProgramExit: Sendable, Hashable {
    /// The low eight bits matter to a shell; the wire carries 32 (RFC 4254 §6.10).
    case status(UInt32)
    /// `name` without `SIG`.
    case signal(name: String, coreDumped: Bool, message: String)
}
