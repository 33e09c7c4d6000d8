import Crypto
package import NIOCore

/// Encrypts a file piece by piece; the concatenation of all that it returns is the file.
package struct AgeEncryptor {
    private var stream: AgeStream
    private var output = ByteBuffer()
    private var waiting = ByteBuffer()

    /// For at least one recipient.
    package init(to recipients: [AgeRecipient]) throws {
        let fileKey = SymmetricKey(size: .bits128)
        let nonce = SymmetricKey(size: .bits128).bytes
        stream = AgeStream(fileKey, nonce: nonce)
        output.writeBytes(try AgeHeader.make(fileKey, for: recipients))
        output.writeBytes(nonce)
    }

    /// Takes the next bytes; gives what is complete.
    package mutating func update(_ bytes: ByteBuffer) throws -> ByteBuffer {
        waiting.writeImmutableBuffer(bytes)
        // The last chunk is sealed as such: which one it is shows when more comes.
        while waiting.readableBytes > AgeStream.chunk,
            let chunk = waiting.readSlice(length: AgeStream.chunk)
        {
            try stream.seal(chunk.readableBytesView, isLast: false, into: &output)
        }
        waiting.discardReadBytes()
        return take()
    }

    /// The last bytes.
    package mutating func finish() throws -> ByteBuffer {
        try stream.seal(waiting.readableBytesView, isLast: true, into: &output)
        waiting = ByteBuffer()
        return take()
    }

    private mutating func take() -> ByteBuffer {
        defer { output = ByteBuffer() }
        return output
    }
}
