import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// What a channel's owner asks of the target.
extension FarChannel {
    /// Opens the channel.
    ///
    /// - Throws: `FarRefusal`, `CodedError` when the connection is lost or the target does not
    ///   answer in time, `CancellationError`.
    func open(_ opening: ChannelOpening) async throws {
        let opened = Latch<Void>()
        let isTaken = connection.post { session in
            session.open(self, type: opening.type, payload: opening.payload) { opened.settle($0) }
        }
        guard isTaken else { throw Self.gone }
        do {
            try await opened.value(within: connection.timeout, late: Self.late)
        } catch {
            // One that opens all the same is closed.
            _ = connection.post { $0.abandon(self) }
            throw error
        }
    }

    /// Sends a request; `reply` runs on the connection's thread, with `nil` when there is no
    /// answer any more.
    func request(
        _ request: SessionRequest,
        wantsReply: Bool,
        reply: @escaping @Sendable (Bool?) -> Void
    ) {
        let isTaken = connection.post {
            $0.request(self, request.wire(wantsReply: wantsReply), reply)
        }
        if !isTaken { reply(nil) }
    }

    /// Sends a request and waits for the answer.
    ///
    /// - Throws: `CodedError` when there is none.
    func ask(_ request: SessionRequest) async throws -> Bool {
        let answer = Latch<Bool>()
        self.request(request, wantsReply: true) { accepted in
            answer.settle(accepted.map { .success($0) } ?? .failure(Self.gone))
        }
        return try await answer.value(within: connection.timeout, late: Self.late)
    }

    /// Nothing more follows what was written.
    func sendEOF() {
        guard endOutput() else { return }
        let logger = connection.logger
        let isTaken = connection.post { session in
            if !session.sendEOF(self) { logger.emit(.sshproxyChannelCloseFailed) }
        }
        if !isTaken { logger.emit(.sshproxyChannelCloseFailed) }
    }

    /// Closes the channel, with `dropsUnsent` at once, else behind what was written; harmless when
    /// repeated.
    func close(failureCode: MessageCode, dropsUnsent: Bool = true) {
        guard startClosing() else { return }
        let logger = connection.logger
        let isTaken = connection.post { session in
            if !session.close(self, dropsUnsent: dropsUnsent) { logger.emit(failureCode) }
        }
        if !isTaken { logger.emit(failureCode) }
    }

    private static var gone: CodedError {
        CodedError(.sshproxyBackendDisconnected, detail: "the connection to the target is gone")
    }

    private static var late: CodedError {
        CodedError(
            .sshproxyBackendRequestFailed,
            detail: "no answer within sshproxy.timeout",
            personText: "The target server did not answer in time."
        )
    }
}
