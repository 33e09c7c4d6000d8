import NIOCore

@testable import SharedSSH

extension ConnectionMachine {
    /// Receives a message in its wire form.
    mutating func received(_ message: ConnectionMessage) -> ConnectionEvent {
        received(message.payload)
    }

    /// Everything that can be sent now.
    mutating func drain() -> [ConnectionMessage] {
        var messages: [ConnectionMessage] = []
        while let message = nextOutgoing(dataAllowed: true) { messages.append(message) }
        return messages
    }
}

extension ConnectionEvent {
    var isViolation: Bool {
        if case .violation = self { true } else { false }
    }
}

extension ConnectionMessage {
    static func global(_ request: GlobalRequest) -> Self {
        .globalRequest(
            type: request.type,
            wantsReply: request.wantsReply,
            payload: request.payload
        )
    }
}

extension [ConnectionMessage] {
    /// The sizes of data messages, of both streams.
    var dataSizes: [Int] {
        compactMap { message in
            switch message {
            case .channelData(_, let bytes), .channelExtendedData(_, _, let bytes):
                bytes.readableBytes
            default: nil
            }
        }
    }
}

extension ChannelOpen {
    static func session(
        sender: UInt32 = 7,
        window: UInt32 = 1000,
        maximumPacket: UInt32 = 100
    ) -> Self {
        ChannelOpen(
            type: "session",
            sender: sender,
            window: window,
            maximumPacket: maximumPacket,
            payload: ByteBuffer()
        )
    }
}
