import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuditdCore

@Suite(.timeLimit(.minutes(5))) struct SearchTests {
    /// A session in a shell, encoded as a gateway does it.
    private func session(_ output: String, typed: String = "", user: String = "dev") throws
        -> String
    {
        var encoder = BinaryEncoder()
        let deflater = try #require(Deflater())
        let start = sampleFacts.startedAt
        let events: [(UInt64?, AuditEvent)] = [
            (nil, .connect(remoteAddress: "192.0.2.7", country: "CH")),
            (nil, .handshakeSuccessful(username: user)),
            (0, .newChannelAccepted(type: "session")),
            (
                0,
                .terminal(
                    requestID: 0,
                    term: "xterm",
                    size: .init(columns: 80, rows: 24),
                    modes: nil
                )
            ),
            (0, .shell(requestID: 1)), (0, .io(.stdout, ByteBuffer(string: "$ "))),
            (0, .io(.stdin, ByteBuffer(string: typed + "\r"))),
            (0, .io(.stdout, ByteBuffer(string: typed + "\r\n" + output))),
            (0, .close), (nil, .disconnect),
        ]
        var bytes = ByteBuffer()
        for (index, (channel, event)) in events.enumerated() {
            encoder.append(
                AuditMessage(
                    connectionID: "\(recordingID(0))",
                    timestamp: start + Int64(index) * 1_000_000_000,
                    channelID: channel,
                    event: event
                )
            )
            bytes.writeImmutableBuffer(encoder.flush(using: deflater))
        }
        // Bytes as text, for the helpers of this suite: each byte one character.
        bytes.writeImmutableBuffer(encoder.finish(using: deflater))
        return String(decoding: bytes.readableBytesView.map { UInt16($0) }, as: UTF16.self)
    }

    private func bytes(_ session: String) -> ByteBuffer {
        ByteBuffer(bytes: session.utf16.map { UInt8(truncatingIfNeeded: $0) })
    }

    private func send(_ auditd: RunningAuditd, _ number: Int, _ session: String) async throws {
        let id = recordingID(number)
        let data = bytes(session)
        var facts = sampleFacts
        facts.username = "dev"
        facts.container = "container-\(number)"
        facts.country = number % 2 == 0 ? "CH" : "DE"
        facts.startedAt += Int64(number)
        _ = try await auditd.send([
            .open(id, facts), .init(id, .append(offset: 0, data)),
            .finish(id, UInt64(data.readableBytes)),
        ])
    }

    private func list(_ auditd: RunningAuditd, _ query: String) async throws -> [Int] {
        let page = try await auditd.get(RecordingPage.self, RecordingRoutes.list + query)
        return page.recordings.compactMap { RecordingID($0.id).map { Int($0.low) } }
    }

    private func lines(_ auditd: RunningAuditd, _ query: String) async throws -> [RecordedLine] {
        try await auditd.get(RecordedLines.self, RecordingRoutes.lines + query).lines
    }

    @Test("recordings are found by what was shown, run, by container and country")
    func search() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                try await send(auditd, 1, session("root:x:0:0\r\n", typed: "cat /etc/passwd"))
                try await send(auditd, 2, session("Datei nicht gefunden: Käse\r\n", typed: "ls"))
                try await eventually("both are indexed") {
                    let second = try await list(auditd, "?text=k%C3%A4se")
                    return try await list(auditd, "?text=root:x") == [1] && second == [2]
                }
                #expect(try await list(auditd, "?command=/ETC/pass") == [1])
                #expect(try await list(auditd, "?command=root:x") == [])
                #expect(try await list(auditd, "?text=%22%20OR%20%22") == [])
                #expect(try await list(auditd, "?container=container-2") == [2])
                #expect(try await list(auditd, "?country=de&text=root") == [1])
                #expect(try await list(auditd, "?state=open") == [])
                let found = try await lines(auditd, "?text=passwd")
                #expect(Set(found.map(\.kind)) == ["screen", "command"])
                let command = try #require(found.first { $0.kind == "command" })
                #expect(command.text == "cat /etc/passwd" && abs(command.offset - 6) < 0.001)
                #expect(command.recording == "\(recordingID(1))")
                let inTwo = try await lines(auditd, "?recording=\(recordingID(2))")
                #expect(inTwo.map(\.text).contains("Datei nicht gefunden: Käse"))
                #expect(try await lines(auditd, "?text=passwd&recording=\(recordingID(2))") == [])
            }
        }
    }

    @Test("lines come page by page, each once")
    func pages() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let output = (0..<250).map { "number \($0)\r\n" }.joined()
                try await send(auditd, 1, session(output))
                try await eventually("it is indexed") {
                    try await !lines(auditd, "?text=number").isEmpty
                }
                for base in ["?text=number", "?recording=\(recordingID(1))&text=number"] {
                    var seen: [String] = []
                    var cursor = ""
                    repeat {
                        let path = RecordingRoutes.lines + base + "&limit=100" + cursor
                        let page = try await auditd.get(RecordedLines.self, path)
                        seen += page.lines.map(\.text)
                        cursor = page.next.map { "&cursor=\($0)" } ?? ""
                    } while !cursor.isEmpty
                    #expect(seen.count == 250 && Set(seen).count == 250)
                }
            }
        }
    }

    @Test("a lost index is made anew from the recordings, text and all")
    func rebuilt() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                try await send(auditd, 1, session("needle in here\r\n"))
                try await eventually("it is indexed and stored") {
                    try await list(auditd, "?text=needle") == [1]
                        && Folder.exists("\(folder)/\(recordingID(1))")
                }
            }
            for suffix in ["", "-wal", "-shm"] {
                try Folder.remove("\(folder)/spool.d/index.sqlite\(suffix)")
            }
            try await withAuditd(in: folder) { auditd in
                try await eventually("it is indexed again") {
                    try await list(auditd, "?text=needle&user=dev") == [1]
                }
            }
        }
    }

    @Test(
        "questions that can't be answered are refused",
        arguments: [
            "/v1/recordings?text=ab", "/v1/recordings?state=gone", "/v1/lines",
            "/v1/lines?text=abc&kind=x", "/v1/lines?recording=1", "/v1/lines?text=abc&cursor=x",
        ]
    )
    func refused(path: String) async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let reply = try await auditd.get(path)
                #expect(reply.status == 400)
                #expect(reply.refusal?.code == MessageCode.auditdBadQuery.id)
            }
        }
    }

    @Test("one session among a thousand is found by its word, and all of them by what they share")
    func many() async throws {
        try await withFolder { folder in
            let index = try RecordingIndex(path: folder + "/index.sqlite")
            for number in 0..<1000 {
                let id = recordingID(number)
                let summary = RecordingSummary(
                    id: "\(id)",
                    facts: sampleFacts,
                    state: .finished,
                    endedAt: 1,
                    size: 1
                )
                try await index.put([summary])
                let owner = try await index.beginText(id)
                let pieces = (0..<50).map { line in
                    RecordedText.Piece(
                        kind: .screen,
                        text: "user@host:~$ line \(line) says word\(number)x\(line)",
                        time: 1
                    )
                }
                try await index.addText(pieces, to: owner)
                try await index.endText(owner)
            }
            var query = RecordingQuery()
            query.text = "says word500x20"
            #expect(try await index.page(query).recordings.map(\.id) == ["\(recordingID(500))"])
            query.text = "user@host"
            var found: Set<String> = []
            repeat {
                let page = try await index.page(query)
                found.formUnion(page.recordings.map(\.id))
                query.cursor = page.next.flatMap { RecordingCursor($0) }
            } while query.cursor != nil
            #expect(found.count == 1000)
            try index.close()
        }
    }

    // MARK: - Who may read, and live

    @Test("with a token, readers have to send it; gateways and probes do not")
    func token() async throws {
        let token = "0123456789abcdef"
        try await withFolder { folder in
            try await withAuditd(in: folder, token: token) { auditd in
                _ = try await auditd.send([.open(recordingID(1))])
                for path in ["/v1/recordings", "/v1/lines?text=abc", "/v1/ledger"] {
                    for header in [nil, "Bearer \(token)x", "Bearer 0123", token] {
                        let headers: HTTPHeaderList = header.map { ["Authorization": $0] } ?? [:]
                        let call = HTTPCall(.get, path, headers: headers)
                        let reply = try await auditd.client.send(call)
                        #expect(reply.status == 401)
                        #expect(reply.refusal?.code == MessageCode.auditdUnauthorized.id)
                    }
                    let call = HTTPCall(.get, path, headers: ["Authorization": "Bearer \(token)"])
                    #expect(try await auditd.client.send(call).status == 200)
                }
                #expect(try await auditd.get("/readyz").status == 200)
            }
        }
    }

    @Test("a running session is followed message by message, to its end")
    func live() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let id = recordingID(1)
                let data = bytes(try session("hello\r\n", typed: "echo"))
                let half = try #require(data.getSlice(at: 0, length: 300))
                _ = try await auditd.send([.open(id), .init(id, .append(offset: 0, half))])
                let call = HTTPCall(.get, RecordingRoutes.live(id), timeLimit: .idle(.seconds(20)))
                let text = try await auditd.client.withReply(to: call) { head, body in
                    #expect(head.status == 200)
                    var text = ""
                    var isSent = false
                    while let chunk = try await body.next() {
                        text += String(decoding: chunk, as: UTF8.self)
                        guard !isSent else { continue }
                        isSent = true
                        _ = try await auditd.send([
                            .init(id, .append(offset: 0, data)),
                            .finish(id, UInt64(data.readableBytes)),
                        ])
                    }
                    return text
                }
                #expect(text.hasPrefix("id: 1\nevent: message\ndata: {"))
                #expect(text.hasSuffix("event: end\ndata: finished\n\n"))
                #expect(text.components(separatedBy: "event: message").count == 11)
                let rest = try await auditd.get(RecordingRoutes.live(id) + "?after=9")
                let again = String(decoding: rest.body, as: UTF8.self)
                #expect(again.hasPrefix("id: 10\n"))
                #expect(try await auditd.get(RecordingRoutes.live(recordingID(5))).status == 404)
            }
        }
    }

    @Test("no more than the limit follow at a time, and those who left make room")
    func followers() {
        let followers = Followers(limit: 2)
        var held = [followers.follow(recordingID(1)), followers.follow(recordingID(1))]
        #expect(held.allSatisfy { $0 != nil } && followers.follow(recordingID(2)) == nil)
        held.removeLast()
        #expect(followers.follow(recordingID(2)) != nil)
        followers.close()
        held = []
        #expect(followers.follow(recordingID(2)) == nil)
    }
}
