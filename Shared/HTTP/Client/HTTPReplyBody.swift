import SharedMessages

/// The body of a reply, chunk by chunk, for one reader and valid inside `withReply` only.
package struct HTTPReplyBody: Sendable {
    private let transfer: CurlTransfer
    private let loop: CurlLoop

    init(_ transfer: CurlTransfer, _ loop: CurlLoop) {
        self.transfer = transfer
        self.loop = loop
    }

    /// The next bytes, never empty, at most 128 KiB; `nil` once the body is complete.
    ///
    /// Throws a `CodedError` with code `HTTP_CLIENT_CONNECTION_FAILED` when the connection breaks
    /// or the time limit is over, `CancellationError` when the task was cancelled.
    package func next() async throws -> [UInt8]? {
        do {
            return try await transfer.stream.next { loop.resume(transfer) }
        } catch let failure as CurlFailure {
            throw CodedError(
                .httpClientConnectionFailed,
                detail: "\(transfer.plan.method.rawValue), while reading the reply",
                cause: failure,
                isRetryable: true
            )
        }
    }
}
