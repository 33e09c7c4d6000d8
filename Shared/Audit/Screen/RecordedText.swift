import NIOCore

/// Gathers what a session showed and what was run in it, as text that can be searched.
///
/// Streams of forwarded connections and of subsystems such as sftp are no text and are left out,
/// and so is what `TextBudget` does not admit.
/// Lines that people ran in a shell are known where the recording has standard input: what stands
/// on the screen from where the typing began, when Return is pressed. So what is not echoed, a
/// password say, is no command. Memory is bounded: by the screens of at most `channelLimit`
/// channels at a time.
package struct RecordedText: Sendable {
    package struct Piece: Sendable, Hashable {
        package enum Kind: String, Sendable, Hashable, Codable {
            /// A line that was shown.
            case screen
            /// A program that was asked for, or a line that was run in a shell.
            case command
        }

        package var kind: Kind
        package var text: String
        /// Nanoseconds since the Unix epoch.
        package var time: Int64

        package init(kind: Kind, text: String, time: Int64) {
            self.kind = kind
            self.text = text
            self.time = time
        }
    }

    private struct Channel {
        var size: AuditEvent.Size?
        var screens: [UInt64: TerminalScreen] = [:]
        var isText = false
        var budget: TextBudget
        var typingBegan: TerminalScreen.Place?
        /// When Return was pressed for the line that is watched.
        var returnedAt: Int64 = 0
    }

    private static let channelLimit = 64
    /// Characters of one piece.
    private static let lengthLimit = 4096

    private var channels: [UInt64: Channel] = [:]
    private var pieces: [Piece] = []

    private let perSecond: Int

    /// Of more than `perSecond` bytes that a channel shows within a second the beginning counts.
    package init(perSecond: Int = 1 << 20) { self.perSecond = perSecond }

    /// Takes the next message of the recording.
    package mutating func append(_ message: AuditMessage) {
        guard let id = message.channelID else { return }
        switch message.event {
        case .newChannelAccepted("session"):
            if channels.count < Self.channelLimit {
                channels[id] = Channel(budget: TextBudget(perSecond: perSecond))
            }
        case .terminal(_, _, let size, _): channels[id]?.size = size
        case .shell: begin(id)
        case .exec(_, let program):
            add(.command, program, message.timestamp)
            begin(id)
        case .subsystem(_, let name): add(.command, "subsystem " + name, message.timestamp)
        case .windowChange(_, let size):
            channels[id]?.size = size
            for stream in channels[id]?.screens.keys.sorted() ?? [] {
                channels[id]?.screens[stream]?.resize(to: size, at: message.timestamp)
            }
            collect(id)
        case .io(let stream, let data?): take(stream, data, id, message.timestamp)
        case .close: end(id)
        default: return
        }
    }

    /// What was completed since the last call.
    package mutating func take() -> [Piece] {
        defer { pieces = [] }
        return pieces
    }

    /// The rest, once the recording has ended.
    package mutating func finish() -> [Piece] {
        for id in channels.keys.sorted() { end(id) }
        return take()
    }

    private mutating func begin(_ id: UInt64) { channels[id]?.isText = true }

    private mutating func take(
        _ stream: AuditEvent.Stream,
        _ data: ByteBuffer,
        _ id: UInt64,
        _ time: Int64
    ) {
        guard channels[id]?.isText == true else { return }
        guard stream != .stdin else { return typed(data, id, time) }
        // A terminal has one screen; without one, the streams go different ways.
        let key = channels[id]?.size == nil ? stream.number : 1
        guard key < 3 else { return }
        let size = channels[id]?.size
        let isTaken = channels[id]?.budget.admits(data, at: time, isTerminal: size != nil)
        guard isTaken == true else { return }
        channels[id]?.screens[key, default: TerminalScreen(size: size)].write(data, at: time)
        collect(id)
    }

    private mutating func typed(_ data: ByteBuffer, _ id: UInt64, _ time: Int64) {
        guard channels[id]?.size != nil else { return }
        // What is typed into an editor or a pager is no command.
        guard channels[id]?.screens[1]?.isFullScreen != true else {
            channels[id]?.typingBegan = nil
            return
        }
        let size = channels[id]?.size
        let place = channels[id]?.screens[1, default: TerminalScreen(size: size)].place
        let began = channels[id]?.typingBegan ?? place
        let ends = data.readableBytesView.contains { $0 == 0x0D || $0 == 0x0A }
        channels[id]?.typingBegan = ends ? nil : began
        guard ends, let began else { return }
        channels[id]?.returnedAt = time
        channels[id]?.screens[1, default: TerminalScreen(size: size)].watch(from: began)
    }

    private mutating func collect(_ id: UInt64) {
        if let command = channels[id]?.screens[1]?.takeCaptured() {
            add(.command, command, channels[id]?.returnedAt ?? 0)
        }
        for stream in channels[id]?.screens.keys.sorted() ?? [] {
            for line in channels[id]?.screens[stream]?.takeLines() ?? [] {
                add(.screen, line.text, line.time)
            }
        }
    }

    private mutating func end(_ id: UInt64) {
        guard var channel = channels.removeValue(forKey: id) else { return }
        for stream in channel.screens.keys.sorted() {
            for line in channel.screens[stream]?.finish() ?? [] {
                add(.screen, line.text, line.time)
            }
        }
    }

    private mutating func add(_ kind: Piece.Kind, _ text: String, _ time: Int64) {
        guard !text.isEmpty else { return }
        pieces.append(Piece(kind: kind, text: String(text.prefix(Self.lengthLimit)), time: time))
    }
}
