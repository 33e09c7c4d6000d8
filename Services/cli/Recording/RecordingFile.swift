import ArgumentParser
import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedMessages

/// A recording's file, decoded piece by piece, with the files of its further parts beside it.
struct RecordingFile {
    private var handle: FileHandle
    /// Bytes of the open file that still count.
    private var left = UInt64.max
    /// What is to be read behind it.
    private var further: [(path: String, offset: UInt64, count: UInt64)] = []
    private let name: String
    private var unsealer: Unsealer
    private var decoder = RecordingDecoder()
    private var hasEnded = false
    private var sawDisconnect = false
    /// In bytes; 0 if it is not known.
    let size: UInt64
    /// Bytes that were read.
    private(set) var position: UInt64 = 0

    /// `-` is standard input. A file that can't be read is told by its code and ends the command.
    init(_ name: String, _ identity: IdentityOption) throws {
        self.name = name
        unsealer = try identity.unsealer()
        if name == "-" {
            handle = .standardInput
            size = 0
        } else {
            guard let opened = FileHandle(forReadingAtPath: name) else {
                throw Self.unreadable(name)
            }
            handle = opened
            let parts = Self.parts(of: name)
            guard parts.pieces.count < 2 else {
                size = parts.size
                let folder = URL(filePath: name).deletingLastPathComponent()
                further = parts.pieces.map { piece in
                    let path = folder.appending(path: "\(piece.part)").path
                    return (path, piece.start - piece.part.offset, piece.end - piece.start)
                }
                left = 0
                return
            }
            // A pipe has no size: the progress is then told without one.
            size = (try? opened.seekToEnd()) ?? 0
            try? opened.seek(toOffset: 0)
        }
    }

    /// What several auditds stored of one recording.
    private static func parts(of name: String) -> PartChain {
        let file = URL(filePath: name)
        guard let whole = RecordingID(file.lastPathComponent), whole.isWhole else {
            return PartChain([])
        }
        let folder = file.deletingLastPathComponent().path
        // Where the folder can't be read, the file stands for itself.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let parts = names.compactMap { RecordingID($0) }.filter { $0.whole == whole }
        return PartChain(
            parts.map { part in
                let path = "\(folder)/\(part)"
                let attributes = try? FileManager.default.attributesOfItem(atPath: path)
                return (part, (attributes?[.size] as? NSNumber)?.uint64Value ?? 0)
            }
        )
    }

    /// What the next piece has; `nil` after the end.
    mutating func next() throws -> [RecordingDecoder.Item]? {
        guard !hasEnded else { return nil }
        let piece = try read()
        hasEnded = piece.isEmpty
        position += UInt64(piece.count)
        let items =
            hasEnded
            ? decoder.feed(try unsealer.end()) + decoder.end()
            : decoder.feed(try unsealer.feed(ByteBuffer(bytes: piece)))
        if case .message(let message)? = items.last { sawDisconnect = message.event == .disconnect }
        return items
    }

    private mutating func read() throws -> Data {
        do {
            while true {
                let count = Int(min(left, 256 << 10))
                if let piece = try handle.read(upToCount: count), !piece.isEmpty {
                    left -= UInt64(piece.count)
                    return piece
                }
                guard !further.isEmpty else { return Data() }
                let next = further.removeFirst()
                handle = try FileHandle(forReadingFrom: URL(filePath: next.path))
                try handle.seek(toOffset: next.offset)
                left = next.count
            }
        } catch {
            throw Self.unreadable(name)
        }
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
