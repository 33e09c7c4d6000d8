import NIOCore

/// The two messages of keyboard-interactive (RFC 4256 §3.2, §3.4).
extension KeyboardChallenge {
    /// The most bytes of one answer that are passed on; as for a password.
    static let maximumAnswer = 4096

    /// INFO_REQUEST.
    var message: ByteBuffer {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthMethod60)
        message.writeSSHString(name)
        message.writeSSHString(instruction)
        message.writeSSHString("")
        message.writeInteger(UInt32(clamping: prompts.count))
        for prompt in prompts {
            message.writeSSHString(prompt.text)
            message.writeSSHBoolean(prompt.echo)
        }
        return message
    }

    /// Reads INFO_REQUEST, its number included.
    init(reading message: ByteBuffer) throws(WireError) {
        var payload = message
        _ = try payload.readSSHByte()
        self.init(
            name: try payload.readSSHText(limit: 4096),
            instruction: try payload.readSSHText(limit: 32 * 1024)
        )
        _ = try payload.readSSHString()
        let count = try payload.readSSHUInt32()
        guard count <= 256 else { throw .tooLong }
        for _ in 0..<count {
            let text = try payload.readSSHText(limit: 4096)
            prompts.append(Prompt(text, echo: try payload.readSSHBoolean()))
        }
    }

    /// Reads INFO_RESPONSE, its number included; `nil` if there are not as many answers as
    /// prompts, which is a failure, no error (RFC 4256 §3.4).
    func answers(in message: ByteBuffer) throws(WireError) -> [[UInt8]]? {
        var payload = message
        _ = try payload.readSSHByte()
        guard try payload.readSSHUInt32() == UInt32(clamping: prompts.count) else { return nil }
        var answers: [[UInt8]] = []
        for _ in prompts {
            answers.append(try payload.readSSHBytes(limit: Self.maximumAnswer))
        }
        try payload.requireSSHEnd()
        return answers
    }

    /// INFO_RESPONSE.
    static func response(_ answers: [String]) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthMethod61)
        message.writeInteger(UInt32(clamping: answers.count))
        for answer in answers { message.writeSSHString(answer) }
        return message
    }
}
