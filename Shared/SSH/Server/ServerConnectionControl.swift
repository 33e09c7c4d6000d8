/// What a handler can do to its own connection from outside of the engine's questions.
///
/// The engine gives one to the handler factory together with the remote address. May be called
/// from any task, at any time, also after the connection has ended.
package protocol ServerConnectionControl: Sendable {
    /// Ends the connection: sends DISCONNECT with this reason and text (RFC 4253 §11.1) after what
    /// is already written, then closes. Returns at once; only the first call counts.
    func disconnect(_ refusal: ServerRefusal)

    /// Shows `text` to the person before authentication has finished (RFC 4252 §5.4); does nothing
    /// afterwards. A line end is added.
    func banner(_ text: String)

    /// Bytes that the socket has carried so far.
    var traffic: ConnectionTraffic { get }

    /// Opens a channel to the client and waits for its answer. The caller closes it.
    ///
    /// Throws `ChannelOpenRefused` with the client's reason and text, or when the connection has
    /// as many channels as it may; `ChannelClosed` once the connection is over; and
    /// `CancellationError`.
    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel

    /// Writes a line to every session that has a terminal, as error output.
    func notify(_ text: String)
}

/// How much went over a connection's socket, encrypted and with all headers.
package struct ConnectionTraffic: Sendable, Hashable {
    /// From the client.
    package var received: UInt64
    /// To the client.
    package var sent: UInt64

    package init(received: UInt64 = 0, sent: UInt64 = 0) {
        self.received = received
        self.sent = sent
    }
}
