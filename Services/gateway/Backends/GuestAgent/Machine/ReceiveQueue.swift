import DequeModule
import GatewayCore
package import NIOCore
import SharedSSH

/// What came for one id and nobody has taken yet, within a window for each channel.
package struct ReceiveQueue {
    package struct Piece: Sendable {
        package let channel: UInt8
        /// Empty where there is `input`.
        package let bytes: ByteBuffer
        /// What the terminal took of its input, before what follows.
        let input: TypedInput?
    }

    private struct Channel {
        let number: UInt8
        /// What the agent may still send.
        var window = ReceiveQueue.window
        /// Taken by the reader, and not yet given back to the agent.
        var owed = 0
        var isEnded = false
    }

    private struct Held {
        let channel: UInt8
        var bytes: ByteBuffer
        /// Whether more may be written behind it.
        let isCopy: Bool
        var input: TypedInput?
    }

    /// What the agent may send ahead of the reader, on each channel.
    static let window = 2 << 20
    /// Pieces below this are copied together: a slice holds the whole of what was read with it.
    private static let smallPiece = 16 << 10
    private static let longestCopy = 64 << 10

    private var pieces: Deque<Held> = []
    private var channels: [Channel]
    private(set) var isDiscarding = false
    private var lateInput = LateInput()

    init(channels: [UInt8]) { self.channels = channels.map { Channel(number: $0) } }

    var hasEnded: Bool { channels.allSatisfy(\.isEnded) }
    var isEmpty: Bool { pieces.isEmpty }

    /// `false` if the agent must not send that: no such channel, after its end, beyond the window.
    mutating func receive(_ bytes: ByteBuffer, _ number: UInt8) -> Bool {
        guard let index = channels.firstIndex(where: { $0.number == number }),
            !channels[index].isEnded, bytes.readableBytes <= channels[index].window
        else { return false }
        channels[index].window -= bytes.readableBytes
        if isDiscarding {
            channels[index].owed += bytes.readableBytes
        } else {
            hold(bytes, number)
        }
        return true
    }

    private mutating func hold(_ bytes: ByteBuffer, _ number: UInt8) {
        guard bytes.readableBytes < Self.smallPiece else {
            pieces.append(Held(channel: number, bytes: bytes, isCopy: false))
            return
        }
        let last = pieces.count - 1
        // Looked at in its place: a second holder would make the write below copy all of it.
        if last >= 0, pieces[last].isCopy, pieces[last].channel == number,
            pieces[last].bytes.readableBytes + bytes.readableBytes <= Self.longestCopy
        {
            pieces[last].bytes.writeImmutableBuffer(bytes)
        } else {
            var copy = ByteBuffer()
            copy.writeImmutableBuffer(bytes)
            pieces.append(Held(channel: number, bytes: copy, isCopy: true))
        }
    }

    /// `false` if there is no such channel or it has ended already.
    mutating func end(_ number: UInt8) -> Bool {
        guard let index = channels.firstIndex(where: { $0.number == number }),
            !channels[index].isEnded
        else { return false }
        channels[index].isEnded = true
        return true
    }

    /// Keeps what the terminal did with its input, in its place among what it says.
    mutating func note(_ input: TypedInput) {
        guard !isDiscarding else { return }
        let last = pieces.count - 1
        if last >= 0, let before = pieces[last].input, before.isHidden == input.isHidden {
            pieces[last].input?.count += input.count
        } else if lateInput.admit(input) {
            pieces.append(Held(channel: 0, bytes: ByteBuffer(), isCopy: false, input: input))
        }
    }

    mutating func take() -> Piece? {
        guard let piece = pieces.popFirst() else {
            return lateInput.take().map { Piece(channel: 0, bytes: ByteBuffer(), input: $0) }
        }
        if piece.input != nil { lateInput.left() }
        if let index = channels.firstIndex(where: { $0.number == piece.channel }) {
            channels[index].owed += piece.bytes.readableBytes
        }
        return Piece(channel: piece.channel, bytes: piece.bytes, input: piece.input)
    }

    /// Keeps nothing, now and later.
    mutating func discard() {
        isDiscarding = true
        while take() != nil {}
    }

    /// The windows that the agent shall be given now.
    mutating func dueWindows() -> [(channel: UInt8, count: UInt32)] {
        var due: [(channel: UInt8, count: UInt32)] = []
        for index in channels.indices
        where channels[index].owed >= Self.window / 4 && !channels[index].isEnded {
            due.append((channels[index].number, UInt32(channels[index].owed)))
            channels[index].window += channels[index].owed
            channels[index].owed = 0
        }
        return due
    }
}
