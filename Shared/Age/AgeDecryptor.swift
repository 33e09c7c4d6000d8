package import NIOCore

/// Decrypts an age file piece by piece. What it has given was authentic, also if the rest is not.
package struct AgeDecryptor {
    private enum Stage {
        case header
        case chunks(AgeStream)
        case failed
    }

    private let identities: [AgeIdentity]
    private var stage = Stage.header
    private var waiting = ByteBuffer()

    package init(_ identities: [AgeIdentity]) { self.identities = identities }

    /// Whether these are the first bytes of an age file; 22 are enough to tell.
    package static func isAge(_ bytes: ByteBuffer) -> Bool {
        bytes.readableBytesView.starts(with: AgeHeader.version.utf8)
    }

    /// Takes the next bytes; gives what they complete. Nothing may follow after an error.
    package mutating func feed(_ bytes: ByteBuffer) throws(AgeError) -> ByteBuffer {
        waiting.writeImmutableBuffer(bytes)
        return try step(isEnd: false)
    }

    /// Says that the file ends here; gives the rest.
    package mutating func end() throws(AgeError) -> ByteBuffer {
        defer { stage = .failed }
        return try step(isEnd: true)
    }

    private mutating func step(isEnd: Bool) throws(AgeError) -> ByteBuffer {
        var output = ByteBuffer()
        let before = stage
        stage = .failed
        switch before {
        case .failed: throw .truncated
        case .header:
            var rest = waiting
            guard let key = try AgeHeader.take(from: &rest, identities),
                let nonce = rest.readBytes(length: AgeStream.nonce)
            else {
                guard !isEnd else { throw .truncated }
                stage = .header
                return output
            }
            waiting = rest
            var stream = AgeStream(key, nonce: nonce)
            try open(&stream, isEnd, &output)
            stage = .chunks(stream)
        case .chunks(var stream):
            try open(&stream, isEnd, &output)
            stage = .chunks(stream)
        }
        return output
    }

    private mutating func open(
        _ stream: inout AgeStream,
        _ isEnd: Bool,
        _ output: inout ByteBuffer
    ) throws(AgeError) {
        let whole = AgeStream.chunk + AgeStream.tag
        while waiting.readableBytes > whole, let chunk = waiting.readSlice(length: whole) {
            try stream.open(chunk.readableBytesView, isLast: false, into: &output)
        }
        waiting.discardReadBytes()
        guard isEnd else { return }
        // Only a file of no bytes at all has a last chunk without any.
        let least = AgeStream.tag + (stream.number == 0 ? 0 : 1)
        guard waiting.readableBytes >= least else { throw .truncated }
        try stream.open(waiting.readableBytesView, isLast: true, into: &output)
        waiting = ByteBuffer()
    }
}
