import NIOCore

/// Which output is looked at for text.
///
/// A transfer of gigabytes shows nobody anything: of what comes within a second of the recording
/// only the beginning counts, more than a terminal can scroll through. Output that went into a pipe
/// is left out where it is no text, piece by piece.
struct TextBudget: Sendable {
    /// Bytes within one second of one channel.
    let perSecond: Int

    private var second = Int64.min
    private var left = 0

    init(perSecond: Int) { self.perSecond = perSecond }

    /// `time` in nanoseconds; `isTerminal` where a terminal takes the bytes, whatever they are.
    mutating func admits(_ data: ByteBuffer, at time: Int64, isTerminal: Bool) -> Bool {
        let now = time / 1_000_000_000
        if now != second { (second, left) = (now, perSecond) }
        guard left > 0, isTerminal || !data.isBinary else { return false }
        left -= data.readableBytes
        return true
    }
}

extension ByteBuffer {
    /// Whether more than one byte in sixteen is a control character that no text has, as a look at
    /// the beginning tells. Random bytes have one in eleven.
    fileprivate var isBinary: Bool {
        let sample = readableBytesView.prefix(1024)
        guard sample.count >= 64 else { return false }
        var controls = 0
        for byte in sample where byte < 0x20 && !(0x07...0x0D).contains(byte) && byte != 0x1B {
            controls += 1
        }
        return controls > sample.count / 16
    }
}
