import AuditClient
import Foundation
import NIOCore

@testable import AuditdCore

#if canImport(Glibc)
    import Glibc
#endif

/// A file system of a few megabytes, where that can be had.
struct SmallDisk {
    let path: String

    /// Mounting takes a privilege.
    static let isPossible: Bool = {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "berth-disk-\(UUID().uuidString)").path
        guard unsafe mkdir(path, 0o700) == 0 else { return false }
        defer { _ = unsafe rmdir(path) }
        guard let disk = try? SmallDisk(path, bytes: 1 << 20) else { return false }
        disk.unmount()
        return true
    }()

    init(_ path: String, bytes: Int) throws {
        self.path = path
        guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw FileError(operation: "mount", path: path, number: errno)
        }
    }

    func grow(to bytes: Int) {
        _ = unsafe mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(bytes)")
    }

    func unmount() { _ = unsafe umount2(path, Int32(MNT_DETACH)) }
}

/// What a power cut may do to a spool: whatever was not synced is gone, or is something else.
struct PowerCut {
    let folder: String

    /// The journal keeps what was synced, and may have a record behind it that was cut off. Of the
    /// recordings' files only what the journal begins with was synced, and what it names by place
    /// and checksum. What a storage has linked was synced as a whole.
    func strike(_ random: inout SeededGenerator) throws {
        let journals = try Folder.names(in: folder).filter {
            $0.hasPrefix("journal-") && $0.hasSuffix(".log")
        }
        let newest = journals.max { number($0) < number($1) }
        var synced: [RecordingID: UInt64] = [:]
        var begun: Set<RecordingID> = []
        var isBeginning = true
        _ = try Journal.recover(in: folder) { record in
            switch record {
            case .recording(let id, let length, _) where isBeginning: synced[id] = length
            case .recording(let id, _, _) where synced[id] == nil: begun.insert(id)
            case .stored where isBeginning: break
            case .extent(let id, let offset, let length, _):
                (synced[id], isBeginning) = (offset + length, false)
            default: isBeginning = false
            }
        }
        if let newest { try tear("\(folder)/\(newest)", &random) }
        for name in try Folder.names(in: folder).sorted() where isRecording(name) {
            let id = RecordingID(name.prefix { $0 != "." })
            let path = "\(folder)/\(name)"
            guard let id, try !isLinked(path) else { continue }
            try damage(path, behind: synced[id] ?? 0, &random)
            // Its second name was not durable.
            if name.hasSuffix(".part"), begun.contains(id), synced[id] == nil,
                Bool.random(using: &random)
            {
                try Folder.rename(path, to: SpoolEngine.draftPath(folder, id))
            }
        }
    }

    private func isRecording(_ name: String) -> Bool {
        name.hasSuffix(".part") || (name.hasSuffix(".new") && !name.hasPrefix("journal"))
    }

    private func isLinked(_ path: String) throws -> Bool {
        let names = try FileManager.default.attributesOfItem(atPath: path)[.referenceCount]
        return (names as? Int ?? 1) > 1
    }

    private func number(_ name: String) -> Int { Int(name.dropFirst(8).dropLast(4)) ?? 0 }

    /// Half a record, or noise, behind the last one.
    private func tear(_ path: String, _ random: inout SeededGenerator) throws {
        let file = try OpenFile(path, O_RDWR)
        var tail = ByteBuffer()
        if Bool.random(using: &random) {
            JournalRecord.append(recordingID(1), offset: 0, ByteBuffer(bytes: noise(2000)))
                .write(to: &tail)
            tail = tail.getSlice(at: 0, length: Int.random(in: 1..<2000, using: &random)) ?? tail
        } else {
            let length = Int.random(in: 1...5000, using: &random)
            tail.writeBytes(noise(length, seed: random.next()))
        }
        try file.write(tail, at: try file.size())
    }

    private func damage(
        _ path: String,
        behind synced: UInt64,
        _ random: inout SeededGenerator
    ) throws {
        let file = try OpenFile(path, O_RDWR)
        let size = try file.size()
        guard size >= synced else { return }
        let place = UInt64.random(in: synced...size, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: try file.truncate(to: place)
        case 1: try file.write(ByteBuffer(bytes: noise(4096, seed: random.next())), at: place)
        case 2:
            let length = Int(min(size - place, 1 << 20))
            let zeros = [UInt8](repeating: 0, count: length)
            try file.write(ByteBuffer(bytes: zeros), at: place)
        default: break
        }
    }
}
