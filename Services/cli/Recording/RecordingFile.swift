import ArgumentParser
import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedMessages

/// A recording's file, decoded piece by piece, with the files of its further parts beside it.
struct RecordingFile {
    private var handle: FileHandle
    /// Parts that are to be read behind it.
    private var further: [RecordingID] = []
    private var join = PartJoin()
    private let name: String
    private let identity: IdentityOption
    private var unsealer: Unsealer
    private var decoder = RecordingDecoder()
    private var hasEnded = false
    private var sawDisconnect = false
    /// In bytes; 0 if it is not known.
    private(set) var size: UInt64 = 0
    /// Bytes that were read.
    private(set) var position: UInt64 = 0

    /// `-` is standard input. A file that can't be read is told by its code and ends the command.
    init(_ name: String, _ identity: IdentityOption) throws {
        self.name = name
        self.identity = identity
        unsealer = try identity.unsealer()
        guard name != "-" else {
            handle = .standardInput
            return
        }
        guard let opened = FileHandle(forReadingAtPath: name) else { throw Self.unreadable(name) }
        handle = opened
        further = Self.further(name)
        // A pipe has no size: the progress is then told without one.
        size = (try? opened.seekToEnd()) ?? 0
        try? opened.seek(toOffset: 0)
        for part in further {
            let attributes = try? FileManager.default.attributesOfItem(atPath: path(part))
            size += (attributes?[.size] as? NSNumber)?.uint64Value ?? 0
        }
    }

    /// What several auditds stored of one recording, in order.
    private static func further(_ name: String) -> [RecordingID] {
        let file = URL(filePath: name)
        guard let whole = RecordingID(file.lastPathComponent), whole.isWhole else { return [] }
        let folder = file.deletingLastPathComponent().path
        // Where the folder can't be read, the file stands for itself.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let parts = names.compactMap { RecordingID($0) }.filter { $0.whole == whole && !$0.isWhole }
        return PartJoin.ordered(parts)
    }

    private func path(_ part: RecordingID) -> String {
        URL(filePath: name).deletingLastPathComponent().appending(path: "\(part)").path
    }

    /// What the next piece has; `nil` after the end.
    mutating func next() throws -> [RecordingDecoder.Item]? {
        guard !hasEnded else { return nil }
        var items: [RecordingDecoder.Item]
        let piece = try read()
        if piece.isEmpty {
            items = decoder.feed(join.take(try unsealer.end()))
            hasEnded = try !openNext()
            if hasEnded { items += decoder.end() }
        } else {
            position += UInt64(piece.count)
            items = decoder.feed(join.take(try unsealer.feed(ByteBuffer(bytes: piece))))
        }
        if case .message(let message)? = items.last { sawDisconnect = message.event == .disconnect }
        return items
    }

    private func read() throws -> Data {
        do {
            return try handle.read(upToCount: 256 << 10) ?? Data()
        } catch {
            throw Self.unreadable(name)
        }
    }

    /// False where nothing follows.
    private mutating func openNext() throws -> Bool {
        guard !further.isEmpty else { return false }
        let part = further.removeFirst()
        guard join.begin(part) else { return false }
        guard let opened = FileHandle(forReadingAtPath: path(part)) else {
            throw Self.unreadable(path(part))
        }
        handle = opened
        unsealer = try identity.unsealer()
        return true
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
