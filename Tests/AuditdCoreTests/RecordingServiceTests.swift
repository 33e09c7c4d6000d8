import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuditdCore

@Suite(.timeLimit(.minutes(5))) struct RecordingServiceTests {
    private let id = recordingID(1)

    @Test("a recorded session is listed, shown, replayed and given back byte by byte")
    func wholeWay() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                try await record(auditd, recordingID(1), user: "dev") { handle in
                    try await handle.append(.exec(requestID: 0, program: "id"), channel: 0)
                    let output = ByteBuffer(string: "uid=0\n")
                    try await handle.append(.io(.stdout, output), channel: 0)
                }
                let page = try await settled(auditd, "?user=dev")
                #expect(page.recordings.map(\.id) == ["\(id)"])
                #expect(page.recordings.first?.state == .finished)
                #expect(page.recordings.first?.facts.remoteAddress == "192.0.2.7")

                let raw = try await auditd.get(RecordingRoutes.raw(id)).body
                #expect(page.recordings.first?.size == UInt64(raw.count))
                #expect(try [UInt8](Data(contentsOf: URL(filePath: "\(folder)/\(id)"))) == raw)

                var decoder = RecordingDecoder()
                let items = decoder.feed(ByteBuffer(bytes: raw)) + decoder.end()
                let lines = items.map { $0.jsonLine + "\n" }.joined()
                let shown = try await auditd.get(RecordingRoutes.messages(id)).body
                #expect(String(decoding: shown, as: UTF8.self) == lines)
                #expect(items.count == 5)

                let cast = try await auditd.get(RecordingRoutes.cast(id)).body
                let text = String(decoding: cast, as: UTF8.self)
                #expect(text.contains("\"command\":\"id\""))
                #expect(text.hasSuffix("\"o\",\"uid=0\\n\"]\n"))
            }
        }
    }

    @Test("a recording that still runs can be listed and read")
    func openRecording() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc")])
                let raw = try await auditd.get(RecordingRoutes.raw(id))
                #expect(raw.body == Array("abc".utf8))
                let summary = try await auditd.get(
                    RecordingSummary.self,
                    RecordingRoutes.summary(id)
                )
                #expect(summary.state == .open && summary.size == 3)
                try await eventually("it is listed with its size") {
                    let list = try await auditd.get(RecordingPage.self, RecordingRoutes.list)
                    return list.recordings.first?.size == 3
                }
            }
        }
    }

    @Test("lists are filtered by user, address and time")
    func filters() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                for number in 0..<6 {
                    var facts = sampleFacts
                    facts.username = number % 2 == 0 ? "even" : "odd"
                    facts.remoteAddress = "192.0.2.\(number / 3)"
                    facts.startedAt = Int64(number) * 86_400_000_000_000
                    let id = recordingID(number)
                    _ = try await auditd.send([.open(id, facts), .finish(id, 0)])
                }
                try await eventually("all are listed") {
                    try await list(auditd, "").count == 6
                }
                #expect(try await list(auditd, "") == [5, 4, 3, 2, 1, 0])
                #expect(try await list(auditd, "?user=even") == [4, 2, 0])
                #expect(try await list(auditd, "?address=192.0.2.0&user=even") == [2, 0])
                #expect(try await list(auditd, "?since=1970-01-03&until=1970-01-05") == [3, 2])
                let since = "?since=1970-01-05T12:00:00Z"
                #expect(try await list(auditd, since) == [5])
                #expect(try await list(auditd, "?user=nobody'%20OR%201=1") == [])
            }
        }
    }

    @Test("pages follow each other without overlap, also when recordings are added meanwhile")
    func pages() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                for number in 0..<25 { _ = try await auditd.send([.open(recordingID(number))]) }
                try await eventually("all are listed") {
                    try await list(auditd, "").count == 25
                }
                var seen: [String] = []
                var cursor = ""
                repeat {
                    let page = try await auditd.get(
                        RecordingPage.self,
                        RecordingRoutes.list + "?limit=10" + cursor
                    )
                    seen += page.recordings.map(\.id)
                    cursor = page.next.map { "&cursor=\($0)" } ?? ""
                    var later = sampleFacts
                    later.startedAt += 1
                    _ = try await auditd.send([.open(recordingID(100 + seen.count), later)])
                } while !cursor.isEmpty
                #expect(seen == (0..<25).reversed().map { "\(recordingID($0))" })
            }
        }
    }

    @Test(
        "wrong parameters are refused with a code",
        arguments: [
            "?limit=0", "?limit=1001", "?limit=x", "?since=yesterday", "?until=", "?cursor=5",
            "?cursor=x-y",
        ]
    )
    func wrongParameters(query: String) async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let reply = try await auditd.get(RecordingRoutes.list + query)
                #expect(reply.status == 400)
                #expect(reply.refusal?.code == "AUDITD_BAD_QUERY")
            }
        }
    }

    @Test("unknown and impossible names are not found")
    func notFound() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let paths = [
                    RecordingRoutes.raw(id), RecordingRoutes.summary(id), RecordingRoutes.cast(id),
                    RecordingRoutes.messages(id), RecordingRoutes.list + "/..%2F..%2Fetc/raw",
                ]
                for path in paths {
                    let reply = try await auditd.get(path)
                    #expect(reply.status == 404)
                    #expect(reply.refusal?.code == "AUDITD_UNKNOWN_RECORDING")
                }
            }
        }
    }

    @Test("what is no batch is refused, and so is one that is too large")
    func badBatches() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let bad = try await auditd.post(ByteBuffer(string: "hello"))
                #expect(bad.status == 400)
                #expect(bad.refusal?.code == "AUDITD_BAD_BATCH")
                let size = RecordingRoutes.batchLimit + 1
                let large = try await auditd.post(ByteBuffer(repeating: 0, count: size))
                #expect(large.status == 413)
            }
        }
    }

    @Test("a lost index is made anew from the recordings")
    func rebuiltIndex() async throws {
        try await withFolder { folder in
            let before = try await withAuditd(in: folder) { auditd in
                for number in 0..<3 {
                    try await record(auditd, recordingID(number), user: "user\(number)") { _ in }
                }
                return try await settled(auditd, "", count: 3)
            }
            for name in try Folder.names(in: folder + "/spool.d") where name.contains("sqlite") {
                try Folder.remove("\(folder)/spool.d/\(name)")
            }
            try await withAuditd(in: folder) { auditd in
                let after = try await settled(auditd, "", count: 3)
                #expect(after.recordings.map(\.id) == before.recordings.map(\.id))
                #expect(
                    after.recordings.map(\.facts.username) == ["user2", "user1", "user0"]
                )
                #expect(after.recordings.map(\.size) == before.recordings.map(\.size))
                #expect(after.recordings.allSatisfy { $0.state == .finished })
            }
        }
    }

    @Test("an index that is no database is replaced")
    func brokenIndex() async throws {
        try await withFolder { folder in
            try Folder.create(folder + "/spool.d")
            try Data("not a database, but long enough to be looked at".utf8).write(
                to: URL(filePath: folder + "/spool.d/index.sqlite")
            )
            try await withAuditd(in: folder) { auditd in
                _ = try await auditd.send([.open(id)])
                try await eventually("it is listed") {
                    try await list(auditd, "").count == 1
                }
            }
        }
    }

    @Test("a recording whose gateway died is finished after the lease, and readable")
    func lease() async throws {
        try await withFolder { folder in
            let limits = RecordingService.Limits(lease: .milliseconds(100))
            try await withAuditd(in: folder, limits: limits) { auditd in
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc")])
                try await eventually("it is interrupted") {
                    try await auditd.get(RecordingSummary.self, RecordingRoutes.summary(id))
                        .state == .interrupted
                }
                #expect(try await auditd.get(RecordingRoutes.raw(id)).body == Array("abc".utf8))
            }
        }
    }

    @Test("finished recordings lie under the connection's name, and the spool's names have a dot")
    func names() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                try await record(auditd, id, user: "dev") { _ in }
                _ = try await auditd.send([.open(recordingID(2))])
                _ = try await settled(auditd, "?user=dev")
                try await eventually("it is moved") { Folder.exists("\(folder)/\(id)") }
                #expect(
                    try Set(
                        Folder.names(in: folder).filter { !$0.hasPrefix("ledger-") }
                    ) == ["\(id)", "spool.d", "ledger.d"]
                )
                let spool = try Folder.names(in: folder + "/spool.d")
                #expect(spool.allSatisfy { $0.contains(".") })
            }
        }
    }

    @Test("ready while there is space, not ready below the floor, alive in both cases")
    func health() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let reply = try await auditd.get("/readyz")
                #expect(reply.status == 200)
            }
            try await withAuditd(in: folder, minimumFree: .max) { auditd in
                let reply = try await auditd.get("/readyz")
                #expect(reply.status == 503)
                #expect(String(decoding: reply.body, as: UTF8.self).contains("spool"))
                #expect(try await auditd.get("/healthz").status == 200)
                let results = try await auditd.send([.open(id)]).results
                #expect(results.first?.code == "AUDITD_DISK_FLOOR")
            }
        }
    }

    @Test("many gateways at once lose nothing")
    func manyGateways() async throws {
        try await withFolder { folder in
            let limits = RecordingService.Limits(journalBytes: 200_000)
            try await withAuditd(in: folder, limits: limits) { auditd in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<16 {
                        group.addTask {
                            let id = recordingID(number)
                            _ = try await auditd.send([.open(id)], gateway: "g\(number)")
                            for piece in 0..<40 {
                                let text = String(repeating: "\(piece % 10)", count: 1000)
                                let frame = RecordingBatch.Frame.append(
                                    id,
                                    at: UInt64(piece * 1000),
                                    text
                                )
                                let results = try await auditd.send([frame], gateway: "g\(number)")
                                    .results
                                try #require(results.first?.durable == UInt64(piece * 1000 + 1000))
                            }
                            _ = try await auditd.send([.finish(id, 40_000)], gateway: "g\(number)")
                        }
                    }
                    try await group.waitForAll()
                }
                let expected = (0..<40).map { String(repeating: "\($0 % 10)", count: 1000) }
                for number in 0..<16 {
                    let raw = try await auditd.get(RecordingRoutes.raw(recordingID(number))).body
                    #expect(String(decoding: raw, as: UTF8.self) == expected.joined())
                }
            }
        }
    }

    // MARK: -

    /// Records a session through a shipper, as a gateway does.
    private func record(
        _ auditd: RunningAuditd,
        _ id: RecordingID,
        user: String,
        _ body: (any RecordingHandle) async throws -> Void
    ) async throws {
        let shipper = auditd.shipper(ShipperOptions(gateway: "gateway-\(id)"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            var facts = sampleFacts
            facts.startedAt = RecordingShipper.wallClock()
            let handle = try await shipper.openRecording(
                id: "\(id)",
                facts: facts,
                onFailure: { _ in }
            )
            try await handle.append(
                .connect(remoteAddress: facts.remoteAddress, country: facts.country),
                channel: nil
            )
            try await handle.append(.handshakeSuccessful(username: user), channel: nil)
            handle.identify(username: user)
            try await body(handle)
            try await handle.finish()
            group.cancelAll()
        }
    }

    /// The list once all of it has been stored.
    private func settled(
        _ auditd: RunningAuditd,
        _ query: String,
        count: Int = 1
    ) async throws -> RecordingPage {
        var page = RecordingPage(recordings: [], next: nil)
        try await eventually("they are listed as finished") {
            page = try await auditd.get(RecordingPage.self, RecordingRoutes.list + query)
            let isComplete = page.recordings.allSatisfy { entry in
                entry.state == .finished && Folder.exists("\(auditd.folder)/\(entry.id)")
            }
            return page.recordings.count == count && isComplete
        }
        return page
    }

    private func list(_ auditd: RunningAuditd, _ query: String) async throws -> [Int] {
        let page = try await auditd.get(RecordingPage.self, RecordingRoutes.list + query)
        return page.recordings.compactMap { RecordingID($0.id).map { Int($0.low) } }
    }
}
