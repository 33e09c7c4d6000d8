package import NIOCore

extension ConnectionMessage {
    /// Writes the message, its number first.
    package func write(into buffer: inout ByteBuffer) {
        switch self {
        case .globalRequest(let type, let wantsReply, let payload):
            buffer.writeSSHMessage(.globalRequest)
            buffer.writeSSHString(type)
            buffer.writeSSHBoolean(wantsReply)
            buffer.writeImmutableBuffer(payload)
        case .requestSuccess(let payload):
            buffer.writeSSHMessage(.requestSuccess)
            buffer.writeImmutableBuffer(payload)
        case .requestFailure:
            buffer.writeSSHMessage(.requestFailure)
        case .channelOpen(let open):
            open.write(into: &buffer)
        case .channelOpenConfirmation(let confirmation):
            confirmation.write(into: &buffer)
        case .channelOpenFailure(let recipient, let reason, let text):
            buffer.writeSSHMessage(.channelOpenFailure)
            buffer.writeInteger(recipient)
            buffer.writeInteger(reason)
            buffer.writeSSHString(text)
            buffer.writeSSHString("")
        case .channelWindowAdjust(let recipient, let count):
            buffer.writeSSHMessage(.channelWindowAdjust)
            buffer.writeInteger(recipient)
            buffer.writeInteger(count)
        case .channelData(let recipient, let bytes):
            buffer.writeSSHMessage(.channelData)
            buffer.writeInteger(recipient)
            buffer.writeSSHString(bytes)
        case .channelExtendedData(let recipient, let type, let bytes):
            buffer.writeSSHMessage(.channelExtendedData)
            buffer.writeInteger(recipient)
            buffer.writeInteger(type)
            buffer.writeSSHString(bytes)
        case .channelRequest(let recipient, let request):
            buffer.writeSSHMessage(.channelRequest)
            buffer.writeInteger(recipient)
            buffer.writeSSHString(request.type)
            buffer.writeSSHBoolean(request.wantsReply)
            buffer.writeImmutableBuffer(request.payload)
        case .channelEOF(let recipient):
            buffer.writeSSHMessage(.channelEOF)
            buffer.writeInteger(recipient)
        case .channelClose(let recipient):
            buffer.writeSSHMessage(.channelClose)
            buffer.writeInteger(recipient)
        case .channelSuccess(let recipient):
            buffer.writeSSHMessage(.channelSuccess)
            buffer.writeInteger(recipient)
        case .channelFailure(let recipient):
            buffer.writeSSHMessage(.channelFailure)
            buffer.writeInteger(recipient)
        }
    }

    /// The message as a payload of its own.
    package var payload: ByteBuffer {
        var buffer = ByteBuffer()
        write(into: &buffer)
        return buffer
    }
}

extension ChannelOpen {
    fileprivate func write(into buffer: inout ByteBuffer) {
        buffer.writeSSHMessage(.channelOpen)
        buffer.writeSSHString(type)
        buffer.writeInteger(sender)
        buffer.writeInteger(window)
        buffer.writeInteger(maximumPacket)
        buffer.writeImmutableBuffer(payload)
    }
}

extension ChannelOpenConfirmation {
    fileprivate func write(into buffer: inout ByteBuffer) {
        buffer.writeSSHMessage(.channelOpenConfirmation)
        buffer.writeInteger(recipient)
        buffer.writeInteger(sender)
        buffer.writeInteger(window)
        buffer.writeInteger(maximumPacket)
    }
}
