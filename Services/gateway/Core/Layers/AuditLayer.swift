import AuditClient
import Logging
import NIOCore
import SharedAudit
import SharedConfig
import SharedLogging
import SharedMessages
package import SharedSSH
import SharedTracing
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
    private let slot: RecordingSlot
    private let isAuthenticated = Mutex(false)
    private let openChallenge = Mutex<KeyboardChallenge?>(nil)
    private let globalRequests = Mutex<UInt64>(0)

    /// - Parameters:
    ///   - state: the connection.
    ///   - recordings: opens the recording.
    ///   - options: the `audit` section.
    ///   - control: ends the connection when recording fails.
    ///   - logger: carries the connection's labels.
    ///   - acceptedAt: nanoseconds since the Unix epoch.
    ///   - slot: takes the recorder, for whoever records beside this layer.
    ///   - next: the layer inside.
    init(
        state: ConnectionState,
        recordings: any Recorder,
        options: AuditConfig,
        control: any ServerConnectionControl,
        logger: Logger,
        acceptedAt: Int64,
        slot: RecordingSlot = RecordingSlot(),
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.recordings = recordings
        self.options = options
        self.control = control
        self.logger = logger
        self.next = next
        self.acceptedAt = acceptedAt
        self.slot = slot
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
            if let event = events.outage(verdict, state.facts.keyAnswerAge) {
                try await recorder.record(event)
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
            let reason = (error as? ServerRefusal)?.text ?? "\(error)"
            await note(.handshakeFailed(reason: reason))
            throw error
        }
        guard let delivery = state.facts.userConfig?.audit.delivery, delivery != options.delivery
        else { return }
        try await current?.handle.deliver(RecordingDelivery(delivery))
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
        await note(.newChannel(type: "session"), channel: channel.id)
        switch await next.openSession(recorded) {
        case .accepted(let handler):
            await note(.newChannelAccepted(type: "session"), channel: channel.id)
            let session = AuditSession(recorded, recorder: recorder, next: handler) {
                [weak self] error in self?.refuse(error)
            }
            return .accepted(session)
        case .refused(let reason, let text):
            let refused = AuditEvent.newChannelRefused(type: "session", reason: text)
            await note(refused, channel: channel.id)
            return .refused(reason, text: text)
        }
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        guard let recorder = current else {
            return .refused(
                .administrativelyProhibited,
                text: personText(.gatewayRecordingLost, nil)
            )
        }
        let type = target.channelType
        await note(target.event, channel: channel.id)
        let recorded = RecordedForward(channel, openedByClient: true, recorder: recorder) {
            [weak self] error in self?.refuse(error)
        }
        switch await next.openForward(recorded, to: target) {
        case .accepted(let handler):
            await note(.newChannelAccepted(type: type), channel: channel.id)
            return .accepted(AuditForward(channel: recorded, next: handler))
        case .refused(let reason, let text):
            await note(.newChannelRefused(type: type, reason: text), channel: channel.id)
            return .refused(reason, text: text)
        }
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        let number = nextGlobalRequest()
        switch address {
        case .tcp(let host, let port): await note(.forwardTCP(bindHost: host, bindPort: port))
        case .unixSocket(let path): await note(.forwardSocket(path: path))
        }
        let reply = await next.listen(address)
        if case .refused(let text) = reply {
            await note(.requestFailed(requestID: number, reason: text))
        }
        return reply
    }

    package func cancelListen(_ address: ForwardAddress) async -> Bool {
        let number = nextGlobalRequest()
        switch address {
        case .tcp(let host, let port):
            await note(.cancelForwardTCP(bindHost: host, bindPort: port))
        case .unixSocket(let path): await note(.cancelForwardSocket(path: path))
        }
        let isCancelled = await next.cancelListen(address)
        if !isCancelled {
            await note(.requestFailed(requestID: number, reason: "nobody listens there"))
        }
        return isCancelled
    }

    package func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        _ = nextGlobalRequest()
        await note(.unknownGlobalRequest(type: request.type))
        return await next.globalRequest(request)
    }

    package func unsupportedChannel(type: String) async {
        await note(.newChannel(type: type))
        await note(.newChannelRefused(type: type, reason: "unsupported channel type"))
        await next.unsupportedChannel(type: type)
    }

    package func malformed(_ request: MalformedRequest) async {
        switch request.kind {
        case .channelOpen:
            await note(.newChannel(type: request.type))
            await note(.newChannelRefused(type: request.type, reason: "malformed channel open"))
        case .globalRequest:
            await note(
                .malformedGlobalRequest(
                    requestID: nextGlobalRequest(),
                    type: request.type,
                    payload: Array(request.payload.readableBytesView),
                    reason: "the payload does not parse"
                )
            )
        }
        await next.malformed(request)
    }

    package func disconnected(_ end: ConnectionEnd) async {
        // A connection that never got through its handshake is recorded too, if that is possible.
        if current == nil { try? await openRecording() }
        if !isAuthenticated.withLock({ $0 }) {
            await note(.handshakeFailed(reason: end.description))
        }
        await next.disconnected(end)
        await finishRecording()
    }

    // MARK: - Private

    private var current: ConnectionRecorder? { slot.current }

    /// The connection's global requests have numbers from 0 on; keepalives are the engine's.
    private func nextGlobalRequest() -> UInt64 {
        globalRequests.withLock {
            $0 += 1
            return $0 - 1
        }
    }

    private var recordingRefusal: ServerRefusal { .unavailable(.gatewayRecordingRefused) }

    private func openRecording() async throws {
        guard let span = state.trace?.root.child("recording.open", .producer) else {
            return try await openRecording(nil)
        }
        defer { span.end() }
        do {
            try await openRecording(span)
        } catch {
            span.fail(error)
            throw error
        }
    }

    private func openRecording(_ span: Span?) async throws {
        var facts = RecordingFacts(
            remoteAddress: state.remoteAddress.host,
            country: await state.country.value(),
            startedAt: acceptedAt
        )
        if let context = span?.context, context.isSampled { facts.trace = context.traceparent }
        let handle = try await recordings.openRecording(id: state.connectionID, facts: facts) {
            [weak self] error in self?.refuse(error)
        }
        let tally = RecordingTally(options) { [logger] in
            logger.emit(.recordingSizeLimit, ["recording": "\(handle.id)"])
        }
        let opened = ConnectionRecorder(
            handle: handle,
            intercept: options.intercept,
            tally: tally
        )
        try await opened.record(
            .connect(remoteAddress: facts.remoteAddress, country: facts.country)
        )
        slot.fill(opened)
        logger.emit(
            .recordingStarted,
            ["recording": "\(handle.id)", "format": "\(options.format.rawValue)"]
        )
    }

    private func finishRecording() async {
        guard let recorder = current else { return }
        let labels: Logger.Metadata = ["recording": "\(recorder.handle.id)"]
        do {
            try await recorder.handle.finish()
            let duration = (ContinuousClock.now - recorder.tally.start).roundedSeconds
            logger.emit(
                .recordingStopped,
                labels.merging([
                    "size": .stringConvertible(recorder.tally.size),
                    "duration": .stringConvertible(duration),
                ]) { $1 }
            )
        } catch {
            logger.emit(.recordingCloseFailed, labels.merging(["reason": "\(error)"]) { $1 })
        }
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
        let isFull = (error as? CodedError)?.code == .recordingSizeLimit
        let code: MessageCode =
            isFull
            ? .recordingSizeLimit : isOpen ? .gatewayRecordingLost : .gatewayRecordingRefused
        // The limit has been told of when it was reached.
        if !isFull { logger.emit(code, ["reason": "\(error)"]) }
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
