package import AuditClient
package import Logging
import SharedAudit
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedSSH
import Synchronization

/// Records what the client asks for and what it gets, before the layers inside decide.
///
/// No recording, no session: when the sink refuses a message, the connection ends with a code.
package final class AuditLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let recordings: any Recorder
    private let options: AuditConfig
    private let control: any ServerConnectionControl
    private let next: any ServerConnectionHandler
    private let logger: Logger
    private let acceptedAt: Int64
    private let recorder = Mutex<ConnectionRecorder?>(nil)
    private let isAuthenticated = Mutex(false)
    private let openChallenge = Mutex<KeyboardChallenge?>(nil)

    /// - Parameters:
    ///   - state: the connection.
    ///   - recordings: opens the recording.
    ///   - options: the `audit` section.
    ///   - control: ends the connection when recording fails.
    ///   - logger: carries the connection's labels.
    ///   - acceptedAt: nanoseconds since the Unix epoch.
    ///   - next: the layer inside.
    package init(
        state: ConnectionState,
        recordings: any Recorder,
        options: AuditConfig,
        control: any ServerConnectionControl,
        logger: Logger,
        acceptedAt: Int64,
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.recordings = recordings
        self.options = options
        self.control = control
        self.logger = logger
        self.next = next
        self.acceptedAt = acceptedAt
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        do {
            try await openRecording()
            await next.handshakeCompleted(handshake)
        } catch {
            refuse(error)
        }
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        guard let recorder = current else { return .disconnect(recordingRefusal) }
        let events = AuthenticationEvents(
            attempt,
            recordsPasswords: options.intercept.passwords,
            challenge: openChallenge.withLock { $0 }
        )
        do {
            if let event = events.attempted { try await recorder.record(event) }
            let verdict = await next.authenticate(attempt)
            if case .challenge(let round) = verdict {
                openChallenge.withLock { $0 = round }
            }
            if let event = events.outcome(verdict) { try await recorder.record(event) }
            return verdict
        } catch {
            return .disconnect(.because(error, fallback: .gatewayRecordingLost))
        }
    }

    package func authenticated(as username: String) async throws {
        isAuthenticated.withLock { $0 = true }
        current?.handle.identify(username: username)
        await note(.handshakeSuccessful(username: username))
        do {
            try await next.authenticated(as: username)
        } catch {
            await note(.handshakeFailed(reason: "\(error)"))
            throw error
        }
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        guard let recorder = current else {
            return .refused(
                .administrativelyProhibited,
                text: personText(.gatewayRecordingLost, nil)
            )
        }
        let recorded = RecordedChannel(channel, recorder: recorder) { [weak self] error in
            self?.refuse(error)
        }
        switch await next.openSession(recorded) {
        case .accepted(let handler):
            await note(.newChannelAccepted(type: "session"), channel: channel.id)
            let session = AuditSession(channel.id, recorder: recorder, next: handler) {
                [weak self] error in self?.refuse(error)
            }
            return .accepted(session)
        case .refused(let reason, let text):
            await note(.newChannelRefused(type: "session", reason: text))
            return .refused(reason, text: text)
        }
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        await next.openForward(channel, to: target)
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        await next.listen(address)
    }

    package func cancelListen(_ address: ForwardAddress) async -> Bool {
        await next.cancelListen(address)
    }

    package func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        await note(.unknownGlobalRequest(type: request.type))
        return await next.globalRequest(request)
    }

    package func unsupportedChannel(type: String) async {
        await note(.newChannelRefused(type: type, reason: "unsupported channel type"))
        await next.unsupportedChannel(type: type)
    }

    package func malformed(_ request: MalformedRequest) async { await next.malformed(request) }

    package func disconnected(_ end: ConnectionEnd) async {
        // A connection that never got through its handshake is recorded too, if that is possible.
        if current == nil { try? await openRecording() }
        if !isAuthenticated.withLock({ $0 }) {
            await note(.handshakeFailed(reason: end.description))
        }
        await next.disconnected(end)
        do {
            try await current?.handle.finish()
        } catch {
            logger.emit(.gatewayRecordingLost, ["reason": "\(error)"])
        }
    }

    // MARK: - Private

    private var current: ConnectionRecorder? { recorder.withLock { $0 } }

    private var recordingRefusal: ServerRefusal { .unavailable(.gatewayRecordingRefused) }

    private func openRecording() async throws {
        let facts = RecordingFacts(
            remoteAddress: state.remoteAddress.host,
            country: "XX",
            startedAt: acceptedAt
        )
        let handle = try await recordings.openRecording(id: state.connectionID, facts: facts) {
            [weak self] error in self?.refuse(error)
        }
        let opened = ConnectionRecorder(handle: handle, intercept: options.intercept)
        try await opened.record(
            .connect(remoteAddress: facts.remoteAddress, country: facts.country)
        )
        recorder.withLock { $0 = opened }
    }

    private func note(_ event: AuditEvent, channel: UInt64? = nil) async {
        do {
            try await current?.record(event, channel: channel)
        } catch {
            refuse(error)
        }
    }

    private func refuse(_ error: any Error) {
        let isOpen = current != nil
        let code: MessageCode = isOpen ? .gatewayRecordingLost : .gatewayRecordingRefused
        logger.emit(code, ["reason": "\(error)"])
        control.disconnect(ServerRefusal(reason: .byApplication, text: personText(code, nil)))
    }
}

extension ConnectionEnd {
    /// For the recording and the log: who ended the connection, and why.
    package var description: String {
        switch self {
        case .byClient(let reason, let text):
            "client disconnected"
                + (reason.map { " (reason \($0.rawValue)\(text.isEmpty ? "" : ", \(text)"))" } ?? "")
        case .byServer(let reason, let text):
            "server disconnected (reason \(reason.rawValue), \(text))"
        case .lost(let text): "connection lost (\(text))"
        case .silent: "connection lost (keepalives unanswered)"
        case .graceExceeded: "closed by the server (time for the login is over)"
        }
    }
}
