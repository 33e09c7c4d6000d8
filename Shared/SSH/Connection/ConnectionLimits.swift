/// The bounds of one connection's channels.
package struct ConnectionLimits: Sendable, Hashable {
    /// What a peer may send on a channel before the owner has read anything, in bytes.
    package var window: UInt32
    /// The same for channels that are opened beside `wideChannels` others: many channels that
    /// nobody reads shall not cost as much as few.
    package var narrowWindow: UInt32
    package var wideChannels: Int
    /// The largest data packet we send or announce, in bytes; RFC 4253 §6.1 lets everyone rely on
    /// 32768.
    package var maximumPacket: UInt32
    /// Channels open or being opened at one time.
    package var channels: Int
    /// Requests of one channel that were not answered yet.
    package var pendingRequestsPerChannel: Int
    /// Channel opens and global requests that were not answered yet.
    package var pendingQuestions: Int
    /// Replies that wait to be sent, which only happens while keys are being exchanged.
    package var queuedReplies: Int

    package init(
        window: UInt32 = 2 * 1024 * 1024,
        narrowWindow: UInt32 = 256 * 1024,
        wideChannels: Int = 16,
        maximumPacket: UInt32 = 32768,
        channels: Int = 100,
        pendingRequestsPerChannel: Int = 128,
        pendingQuestions: Int = 64,
        queuedReplies: Int = 1024
    ) {
        self.window = window
        self.narrowWindow = narrowWindow
        self.wideChannels = wideChannels
        self.maximumPacket = maximumPacket
        self.channels = channels
        self.pendingRequestsPerChannel = pendingRequestsPerChannel
        self.pendingQuestions = pendingQuestions
        self.queuedReplies = queuedReplies
    }

    /// The window of a channel that is opened beside `others`.
    func window(besides others: Int) -> UInt32 {
        others < wideChannels ? window : min(window, narrowWindow)
    }
}
