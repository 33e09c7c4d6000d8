/// The answer to a batch: one result per frame, in the same order.
package struct BatchReply: Sendable, Hashable, Codable {
    /// A different value after each start of auditd.
    package var instance: String
    package var results: [FrameResult]

    package init(instance: String, results: [FrameResult]) {
        self.instance = instance
        self.results = results
    }
}

/// What became of one frame.
package struct FrameResult: Sendable, Hashable, Codable {
    /// As HTTP's: 200 done, 404 no such recording, 409 not the right offset, 410 already
    /// finished, 422 malformed facts, 507 too little space for a new recording.
    package var status: Int
    /// How many bytes of the recording are durable; with 409 the offset to go on from.
    package var durable: UInt64
    /// The message code where the status is not 200.
    package var code: String?

    package init(status: Int, durable: UInt64, code: String? = nil) {
        self.status = status
        self.durable = durable
        self.code = code
    }
}
