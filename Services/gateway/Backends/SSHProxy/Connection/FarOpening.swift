import Clibssh
import Glibc
import Logging
import SharedConfig
import SharedLogging
import SharedMessages

/// Connects, exchanges keys, checks the host key and logs in; all on the connection's thread.
struct FarOpening {
    let target: SSHProxyTarget
    let username: String
    let bell: Int32
    let end: ContinuousClock.Instant
    let logger: Logger
    let isStopping: () -> Bool
    let usesAgent: (Int32?) -> Void

    /// - Throws: `CodedError` with a text for the person, or `CancellationError`.
    func run(_ progress: (String) -> Void) throws -> Transport {
        let socket = try dial(progress)
        let transport = try Transport(
            socket: socket,
            bell: bell,
            username: username,
            config: target.config
        )
        do {
            try exchangeKeys(transport)
            try checkHostKey(transport)
            try Login(
                transport: transport,
                target: target,
                end: end,
                isStopping: isStopping,
                usesAgent: usesAgent
            ).run()
        } catch is TransportTimeout {
            show(transport.banner, progress)
            throw CodedError(
                .sshproxyBackendHandshakeFailed,
                detail: "the target did not go on within sshproxy.timeout",
                personText: "The target server did not answer in time."
            )
        } catch {
            show(transport.banner, progress)
            throw error
        }
        show(transport.banner, progress)
        return transport
    }

    /// What the target says to everybody is for the person too.
    private func show(_ banner: String?, _ progress: (String) -> Void) {
        for line in (banner ?? "").split(separator: "\n").prefix(40) {
            progress(Farewell.printable(String(line.prefix(400))))
        }
    }

    // MARK: - Connecting

    private func dial(_ progress: (String) -> Void) throws -> Int32 {
        logger.emit(.sshproxyConnecting)
        var pause = Duration.seconds(1)
        while true {
            var failure = berth_dial_failure()
            let left = end - .now
            let socket = unsafe berth_dial(
                target.config.server,
                "\(target.config.port)",
                bell,
                Int32(clamping: max(.zero, left).wholeMilliseconds),
                &failure
            )
            if socket >= 0 { return socket }
            if isStopping() { throw CancellationError() }
            let error = DialFailure(failure)
            guard error.isRetryable, ContinuousClock.now + pause < end else { throw error.coded }
            logger.emit(
                .sshproxyBackendFailed,
                ["reason": "\(error.text)", "retryIn": "\(pause)"],
                level: .debug
            )
            progress(error.personText + " Trying again.")
            try rest(pause)
            pause = min(pause * 2, .seconds(10))
        }
    }

    /// Waits before the next try, unless the bell rings.
    private func rest(_ pause: Duration) throws {
        var watched = pollfd(fd: bell, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&watched, 1, Int32(clamping: pause.wholeMilliseconds))
        if isStopping() { throw CancellationError() }
    }

    // MARK: - Key exchange

    private func exchangeKeys(_ transport: Transport) throws {
        let result = try transport.complete(within: end, unless: isStopping) {
            transport.connect()
        }
        guard result != SSH_OK else { return }
        let text = transport.errorText
        if let farewell = transport.farewell {
            throw CodedError(
                .sshproxyBackendHandshakeFailed,
                detail: "the target hung up (reason \(farewell.reason)): \(farewell.text)",
                personText: "The target server refused the connection: \(farewell.text)"
            )
        }
        let hasNothingInCommon = text.contains("no match for method")
        throw CodedError(
            .sshproxyBackendHandshakeFailed,
            detail: "key exchange: \(text)",
            personText: hasNothingInCommon
                ? "The target server and this gateway have no algorithm in common." : nil
        )
    }

    private func checkHostKey(_ transport: Transport) throws {
        let fingerprint = try transport.fingerprint()
        let allowed = target.config.allowedHostKeyFingerprints
        guard !allowed.contains(where: { Self.isSame($0, fingerprint) }) else { return }
        throw CodedError(
            .sshproxyInvalidFingerprint,
            detail: "the target has the host key \(fingerprint)",
            personText: "The target server has a host key that this gateway does not trust: "
                + "\(fingerprint)."
        )
    }

    private static func isSame(_ allowed: String, _ fingerprint: String) -> Bool {
        allowed.trimmingSuffix("=") == fingerprint
    }
}

extension String {
    /// Without the characters at its end that are `character`.
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}

/// Why a TCP connection was not made.
private struct DialFailure {
    let text: String
    let personText: String
    let isRetryable: Bool

    init(_ failure: berth_dial_failure) {
        switch failure.step {
        case berth_dial_name:
            text = unsafe "name: " + String(cString: gai_strerror(failure.error))
            personText = "The target server's name was not found."
            isRetryable = failure.error == EAI_AGAIN
        case berth_dial_timeout:
            text = "connect: timeout"
            personText = "The target server did not answer in time."
            isRetryable = true
        default:
            text = unsafe "connect: " + String(cString: strerror(failure.error))
            personText =
                failure.error == ECONNREFUSED
                ? "The target server refused the connection."
                : "The target server could not be reached."
            isRetryable = true
        }
    }

    var coded: CodedError {
        CodedError(.sshproxyBackendFailed, detail: text, personText: personText)
    }
}
