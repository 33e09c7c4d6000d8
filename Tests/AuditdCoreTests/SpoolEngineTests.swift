import AuditClient
import Foundation
import NIOCore
import SharedMessages
import Testing

@testable import AuditdCore

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct SpoolEngineTests {
    private let id = recordingID(1)

    @Test("appends add up, a repeated one changes nothing, an overlapping one adds its end")
    func offsets() async throws {
        try await withFolder { folder in
            let engine = try SpoolEngine(.init(folder: folder, minimumFree: 0))
            let results = try commit(
                engine,
                [
                    .open(id), .append(id, at: 0, "hello "), .append(id, at: 0, "hello "),
                    .append(id, at: 3, "lo world"), .append(id, at: 11, ""),
                ]
            )
            #expect(results.map(\.status) == [200, 200, 200, 200, 200])
            #expect(results.map(\.durable) == [0, 6, 6, 11, 11])
            #expect(try content(folder, id) == "hello world")
        }
    }

    @Test("a gap is refused with the offset to go on from, and so is an unknown recording")
    func refusals() async throws {
        try await withFolder { folder in
            let engine = try SpoolEngine(.init(folder: folder, minimumFree: 0))
            let results = try commit(
                engine,
                [
                    .open(id), .append(id, at: 0, "abc"), .append(id, at: 4, "x"),
                    .append(id, at: .max, "x"), .finish(id, 2), .append(recordingID(2), at: 0, "x"),
                    .init(recordingID(3), .open(ByteBuffer(string: "[]"))),
                ]
            )
            #expect(results.map(\.status) == [200, 200, 409, 409, 409, 404, 422])
            #expect(results[2].durable == 3)
            #expect(results[2].code == "AUDITD_OFFSET_GAP")
            #expect(try content(folder, id) == "abc")
        }
    }

    @Test("a finished recording takes no bytes, but its repetition is harmless")
    func finished() async throws {
        try await withFolder { folder in
            let engine = try SpoolEngine(.init(folder: folder, minimumFree: 0))
            let results = try commit(
                engine,
                [
                    .open(id), .append(id, at: 0, "abc"), .finish(id, 3), .finish(id, 3),
                    .append(id, at: 0, "abc"), .append(id, at: 3, "d"), .open(id),
                ]
            )
            #expect(results.map(\.status) == [200, 200, 200, 200, 200, 410, 410])
        }
    }

    @Test("what was acknowledged is there after the process vanished")
    func recovery() async throws {
        try await withFolder { folder in
            var engine: SpoolEngine? = try SpoolEngine(.init(folder: folder, minimumFree: 0))
            var facts = sampleFacts
            facts.username = "dev"
            _ = try commit(
                try #require(engine),
                [
                    .open(id), .append(id, at: 0, "abc"), .open(id, facts),
                    .open(recordingID(2)), .append(recordingID(2), at: 0, "x"),
                    .finish(recordingID(2), 1),
                ]
            )
            engine = nil
            let next = try SpoolEngine(.init(folder: folder, minimumFree: 0))
            #expect(next.recordings[id]?.length == 3)
            #expect(next.recordings[id]?.spooled.facts.username == "dev")
            #expect(next.recordings[recordingID(2)]?.spooled.state == .finished)
            #expect(try commit(next, [.append(id, at: 3, "def")]).map(\.durable) == [6])
            #expect(try content(folder, id) == "abcdef")
        }
    }

    @Test("bytes in a recording's file that were never acknowledged are cut off")
    func unacknowledgedTail() async throws {
        try await withFolder { folder in
            try autoreleaseEngine(folder) { engine in
                _ = try commit(engine, [.open(id), .append(id, at: 0, "abc")])
            }
            let file = try OpenFile(SpoolEngine.partPath(folder, id), O_RDWR)
            try file.write(ByteBuffer(string: "garbage"), at: 3)
            try autoreleaseEngine(folder) { engine in
                #expect(engine.recordings[id]?.length == 3)
            }
            #expect(try content(folder, id) == "abc")
        }
    }

    @Test("a journal torn at any byte loses no batch that was acknowledged before the tear")
    func tornJournal() async throws {
        try await withFolder { folder in
            let journal = folder + "/spool/journal-1.log"
            let spool = folder + "/spool"
            var acknowledged: [(journal: UInt64, length: UInt64)] = []
            try autoreleaseEngine(spool) { engine in
                _ = try commit(engine, [.open(id)])
                for number in 0..<5 {
                    let text = String(repeating: "\(number)", count: 7)
                    let length = try commit(
                        engine,
                        [.append(id, at: UInt64(number * 7), text)]
                    )[0].durable
                    acknowledged.append((try OpenFile(journal, O_RDONLY).size(), length))
                }
            }
            let size = try OpenFile(journal, O_RDONLY).size()
            for cut in 0...size {
                let copy = folder + "/copy-\(cut)"
                try Folder.create(copy)
                try FileManager.default.copyItem(atPath: journal, toPath: copy + "/journal-1.log")
                try OpenFile(copy + "/journal-1.log", O_RDWR).truncate(to: cut)
                try autoreleaseEngine(copy) { engine in
                    let expected = acknowledged.last { $0.journal <= cut }?.length ?? 0
                    let length = engine.recordings[id]?.length ?? 0
                    #expect(length == expected)
                }
                try FileManager.default.removeItem(atPath: copy)
            }
        }
    }

    @Test("a journal with a flipped byte ends there and nothing wrong is taken from it")
    func flippedJournal() async throws {
        try await withFolder { folder in
            let spool = folder + "/spool"
            try autoreleaseEngine(spool) { engine in
                _ = try commit(engine, [.open(id)])
                for number in 0..<5 {
                    _ = try commit(engine, [.append(id, at: UInt64(number), "\(number)")])
                }
            }
            let original = try Data(contentsOf: URL(filePath: spool + "/journal-1.log"))
            for index in original.indices {
                var damaged = original
                damaged[index] ^= 0x10
                let copy = folder + "/copy-\(index)"
                try Folder.create(copy)
                try damaged.write(to: URL(filePath: copy + "/journal-1.log"))
                try autoreleaseEngine(copy) { engine in
                    let length = engine.recordings[id]?.length ?? 0
                    let text = length > 0 ? try content(copy, id) : ""
                    #expect("01234".hasPrefix(text))
                }
                try FileManager.default.removeItem(atPath: copy)
            }
        }
    }

    @Test("a journal that starts anew keeps everything, also for those that come later")
    func journalRestart() async throws {
        try await withFolder { folder in
            var lengths: [RecordingID: Int] = [:]
            var generator = SeededGenerator(state: 3)
            for _ in 0..<10 {
                try autoreleaseEngine(folder, journalLimit: 2000) { engine in
                    for (id, length) in lengths {
                        #expect(engine.recordings[id]?.length == UInt64(length))
                    }
                    for _ in 0..<40 {
                        let id = recordingID(Int.random(in: 0..<12, using: &generator))
                        let length = lengths[id] ?? 0
                        let text = String(repeating: "x", count: 50)
                        _ = try commit(
                            engine,
                            [.open(id), .append(id, at: UInt64(length), text)]
                        )
                        lengths[id] = length + 50
                    }
                }
            }
            let journals = try Folder.names(in: folder).filter { $0.hasPrefix("journal-") }
            #expect(journals.count == 1)
        }
    }

    @Test("a file that the journal doesn't know is kept as an interrupted recording")
    func adoption() async throws {
        try await withFolder { folder in
            try autoreleaseEngine(folder) { engine in
                _ = try commit(engine, [.open(id), .append(id, at: 0, "abc")])
            }
            for name in try Folder.names(in: folder) where name.hasPrefix("journal-") {
                try Folder.remove(folder + "/" + name)
            }
            try autoreleaseEngine(folder) { engine in
                #expect(engine.recordings[id]?.spooled.state == .interrupted)
                #expect(engine.recordings[id]?.length == 3)
            }
        }
    }

    @Test("a recording that was moved to its storage is not made again from the journal")
    func storedBeforeCrash() async throws {
        try await withFolder { folder in
            try autoreleaseEngine(folder) { engine in
                _ = try commit(engine, [.open(id), .append(id, at: 0, "abc"), .finish(id, 3)])
            }
            let stored = folder + "/stored"
            try Folder.rename(SpoolEngine.partPath(folder, id), to: stored)
            var options = SpoolEngine.Options(folder: folder, minimumFree: 0)
            options.isStored = { $0 == recordingID(1) }
            let engine = try SpoolEngine(options)
            #expect(engine.recordings.isEmpty)
            #expect(!Folder.exists(SpoolEngine.partPath(folder, id)))
            #expect(try commit(engine, [.open(id)]).map(\.status) == [410])
        }
    }

    @Test("the recordings of a silent gateway are finished, those of others are not")
    func leases() async throws {
        try await withFolder { folder in
            let options = SpoolEngine.Options(
                folder: folder,
                minimumFree: 0,
                lease: .milliseconds(50)
            )
            let engine = try SpoolEngine(options)
            _ = try commit(engine, [.open(id), .append(id, at: 0, "abc")], gateway: "dead")
            let deadline = ContinuousClock.now + .seconds(90)
            var expired: Set<RecordingID> = []
            while expired.isEmpty, ContinuousClock.now < deadline {
                _ = try commit(engine, [.open(recordingID(2))], gateway: "alive")
                expired = try engine.expireLeases(now: 99)
            }
            #expect(expired == [id])
            #expect(engine.recordings[id]?.spooled.state == .interrupted)
            #expect(engine.recordings[id]?.spooled.endedAt == 99)
            #expect(engine.recordings[recordingID(2)]?.spooled.state == .open)
            #expect(try commit(engine, [.append(id, at: 3, "d")]).map(\.status) == [410])
            // The gateway was slow, but nothing is missing.
            #expect(try commit(engine, [.finish(id, 3)]).map(\.status) == [200])
            #expect(engine.recordings[id]?.spooled.state == .finished)
        }
    }

    @Test("with too little space new recordings are refused and running ones go on")
    func diskFloor() async throws {
        try await withFolder { folder in
            try autoreleaseEngine(folder) { engine in _ = try commit(engine, [.open(id)]) }
            // Far more than there is, of which an eighth is less than that.
            let free = try Folder.freeBytes(folder)
            let engine = try SpoolEngine(.init(folder: folder, minimumFree: free * 4))
            let results = try commit(
                engine,
                [.open(recordingID(2)), .append(id, at: 0, "abc"), .finish(id, 3)]
            )
            #expect(results.map(\.status) == [507, 200, 200])
            #expect(results[0].code == "AUDITD_DISK_FLOOR")
        }
    }

    @Test("the last of the space is for what has ended: bytes wait, and an end is written down")
    func reserve() async throws {
        try await withFolder { folder in
            try autoreleaseEngine(folder) { engine in
                _ = try commit(engine, [.open(id), .append(id, at: 0, "abc")])
            }
            let engine = try SpoolEngine(.init(folder: folder, minimumFree: .max))
            let error = #expect(throws: CodedError.self) {
                try commit(engine, [.append(id, at: 3, "d")])
            }
            #expect(error?.code == .auditdDiskFailed && error?.isRetryable == true)
            #expect(try commit(engine, [.finish(id, 3)]).map(\.status) == [200])
            #expect(engine.recordings[id]?.spooled.state == .finished)
        }
    }

    @Test("two processes cannot share a spool")
    func locked() async throws {
        try await withFolder { folder in
            try autoreleaseEngine(folder) { _ in
                #expect(throws: CodedError.self) {
                    try SpoolEngine(.init(folder: folder, minimumFree: 0))
                }
            }
        }
    }

    @Test(
        "a full disk acknowledges nothing it has not got, and heals when there is space",
        .enabled(if: geteuid() == 0, "needs root for a small tmpfs")
    )
    func fullDisk() async throws {
        try await withFolder { folder in
            try mountSmallDisk(folder)
            defer { unsafe umount(folder) }
            let ballast = folder + "/ballast"
            try OpenFile(ballast, O_RDWR | O_CREAT).write(
                ByteBuffer(repeating: 1, count: 300 << 10),
                at: 0
            )
            let text = String(repeating: "x", count: 10_000)
            var length = 0
            try autoreleaseEngine(folder + "/spool") { engine in
                _ = try commit(engine, [.open(id)])
                var error: CodedError?
                while error == nil, length < 2 << 20 {
                    do throws(CodedError) {
                        let frames = [RecordingBatch.Frame.append(id, at: UInt64(length), text)]
                        let batch = RecordingBatch(gateway: "g1", frames: frames)
                        _ = try engine.commit([batch], now: 1)
                        length += text.utf8.count
                    } catch let caught { error = caught }
                }
                #expect(error?.code == .auditdDiskFailed)
                #expect(error?.isRetryable == true)
                #expect(engine.recordings[id]?.length == UInt64(length))
                try Folder.remove(ballast)
                #expect(
                    try commit(engine, [.append(id, at: UInt64(length), text)])[0].status == 200
                )
                length += text.utf8.count
            }
            try autoreleaseEngine(folder + "/spool") { engine in
                #expect(engine.recordings[id]?.length == UInt64(length))
            }
        }
    }

    // MARK: -

    private func mountSmallDisk(_ folder: String) throws {
        let result = unsafe mount("tmpfs", folder, "tmpfs", 0, "size=1m")
        try #require(result == 0, "mount: \(errno)")
    }

    /// An engine that is gone, with its lock, when the closure returns.
    private func autoreleaseEngine(
        _ folder: String,
        journalLimit: UInt64 = 64 << 20,
        _ body: (SpoolEngine) throws -> Void
    ) throws {
        let engine = try SpoolEngine(
            .init(folder: folder, minimumFree: 0, journalLimit: journalLimit)
        )
        try body(engine)
    }

    private func commit(
        _ engine: SpoolEngine,
        _ frames: [RecordingBatch.Frame],
        gateway: String = "g1"
    ) throws -> [FrameResult] {
        try engine.commit([RecordingBatch(gateway: gateway, frames: frames)], now: 1).results[0]
    }

    private func content(_ folder: String, _ id: RecordingID) throws -> String {
        let file = try OpenFile(SpoolEngine.partPath(folder, id), O_RDONLY)
        return String(buffer: try file.read(at: 0, count: 1 << 20))
    }
}
