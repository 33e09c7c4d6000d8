import ArgumentParser
import Foundation
import NIOCore
import SharedAudit
import SharedMessages

/// A recording's file, decoded piece by piece.
struct RecordingFile {
    private let handle: FileHandle
    private let name: String
    private var decoder = RecordingDecoder()
    private var hasEnded = false
    private var sawDisconnect = false
    /// In bytes; 0 if it is not known.
    let size: UInt64
    /// Bytes that were read.
    private(set) var position: UInt64 = 0

    /// `-` is standard input. A file that can't be read is told by its code and ends the command.
    init(_ name: String) throws {
        self.name = name
        if name == "-" {
            handle = .standardInput
            size = 0
        } else {
            guard let opened = FileHandle(forReadingAtPath: name) else {
                throw Self.unreadable(name)
            }
            handle = opened
            // A pipe has no size: the progress is then told without one.
            size = (try? opened.seekToEnd()) ?? 0
            try? opened.seek(toOffset: 0)
        }
    }

    /// What the next piece has; `nil` after the end.
    mutating func next() throws -> [RecordingDecoder.Item]? {
        guard !hasEnded else { return nil }
        let piece: Data
        do { piece = try handle.read(upToCount: 256 << 10) ?? Data() } catch {
            throw Self.unreadable(name)
        }
        hasEnded = piece.isEmpty
        position += UInt64(piece.count)
        let items = hasEnded ? decoder.end() : decoder.feed(ByteBuffer(bytes: piece))
        if case .message(let message)? = items.last { sawDisconnect = message.event == .disconnect }
        return items
    }

    /// What is wrong with the file; known after its end.
    var fault: MessageCode? {
        switch decoder.fault {
        case nil: sawDisconnect ? nil : .recordingIncomplete
        case .notARecording: .recordingNotARecording
        case .version: .recordingVersion
        case .truncated: .recordingTruncated
        case .damaged: .recordingDamaged
        case .unknownType: .recordingUnknownType
        }
    }

    private static func unreadable(_ name: String) -> ExitCode {
        tell(CodedError(.recordingUnreadable, detail: name))
        return .failure
    }
}
