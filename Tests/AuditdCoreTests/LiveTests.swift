import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP
import Testing

@testable import AuditdCore

/// Sessions that are watched while they run.
@Suite(.timeLimit(.minutes(5))) struct LiveTests {
    /// A recording of `count` pieces of `size` bytes that compress badly.
    private func session(_ id: RecordingID, count: Int, size: Int) throws -> [ByteBuffer] {
        let deflater = try #require(Deflater())
        var encoder = BinaryEncoder()
        var generator = SeededGenerator(state: 3)
        var events: [AuditEvent] = [.connect(remoteAddress: "192.0.2.7", country: "CH")]
        for _ in 0..<count {
            let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            events.append(.io(.stdout, ByteBuffer(bytes: bytes)))
        }
        return (events + [.disconnect]).map { event in
            encoder.append(
                AuditMessage(
                    connectionID: "\(id)",
                    timestamp: sampleFacts.startedAt,
                    channelID: 0,
                    event: event
                )
            )
            return event == .disconnect
                ? encoder.finish(using: deflater) : encoder.flush(using: deflater)
        }
    }

    private func live(_ id: RecordingID, after: String? = nil) -> HTTPCall {
        let headers: HTTPHeaderList = after.map { ["Last-Event-ID": $0] } ?? [:]
        let path = RecordingRoutes.live(id)
        return HTTPCall(.get, path, headers: headers, timeLimit: .idle(.seconds(90)))
    }

    private func numbers(_ text: String) -> [Int] {
        text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap {
            Int($0.dropFirst(4))
        }
    }

    /// Sends all pieces but the first, which is there, and ends the recording.
    private func complete(
        _ auditd: RunningAuditd,
        _ id: RecordingID,
        _ pieces: [ByteBuffer]
    ) async throws {
        var offset = pieces[0].readableBytes
        for piece in pieces.dropFirst() {
            _ = try await auditd.send([.init(id, .append(offset: UInt64(offset), piece))])
            offset += piece.readableBytes
        }
        _ = try await auditd.send([.finish(id, UInt64(offset))])
    }

    private func begin(
        _ auditd: RunningAuditd,
        _ id: RecordingID,
        _ pieces: [ByteBuffer]
    ) async throws {
        _ = try await auditd.send([.open(id), .init(id, .append(offset: 0, pieces[0]))])
    }

    @Test("whoever comes back goes on behind the last event that came, and garbage begins anew")
    func resumed() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let id = recordingID(1)
                let pieces = try session(id, count: 8, size: 10)
                try await begin(auditd, id, pieces)
                try await complete(auditd, id, pieces)
                for (header, first) in [
                    ("4", 5), ("0", 1), ("x", 1), ("-1", 1), ("99999999999999999999", 1),
                ] {
                    let reply = try await auditd.client.send(live(id, after: header))
                    let text = String(decoding: reply.body, as: UTF8.self)
                    #expect(numbers(text) == Array(first...10), "\(header)")
                    #expect(text.hasSuffix("event: end\ndata: finished\n\n"))
                }
                let reply = try await auditd.client.send(live(id, after: "1000"))
                let text = String(decoding: reply.body, as: UTF8.self)
                #expect(numbers(text) == [] && text.hasPrefix("event: end"))
            }
        }
    }

    @Test("a reader that is slow holds nobody up, and gets all of it, also once it has been stored")
    func slow() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let id = recordingID(1)
                let pieces = try session(id, count: 160, size: 32 << 10)
                try await begin(auditd, id, pieces)
                let text = try await auditd.client.withReply(to: live(id)) { head, body in
                    #expect(head.status == 200)
                    var bytes = try await body.next() ?? []
                    // Megabytes come and go while nothing is read: not even the socket has room.
                    try await complete(auditd, id, pieces)
                    try await eventually("it is stored") { Folder.exists("\(folder)/\(id)") }
                    while let chunk = try await body.next() { bytes += chunk }
                    return String(decoding: bytes, as: UTF8.self)
                }
                #expect(numbers(text) == Array(1...162))
                #expect(text.hasSuffix("event: end\ndata: finished\n\n"))
            }
        }
    }

    @Test("readers that are gone make room for others")
    func gone() async throws {
        struct Enough: Error {}
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let id = recordingID(1)
                // More than may follow at a time, each leaving in the middle.
                let pieces = try session(id, count: 160, size: 10)
                try await begin(auditd, id, pieces)
                var offset = pieces[0].readableBytes
                for piece in pieces.dropFirst() {
                    try await eventually("there is room") {
                        do {
                            try await auditd.client.withReply(to: live(id)) { head, body in
                                guard head.status == 200 else { return }
                                _ = try await body.next()
                                throw Enough()
                            }
                            return false
                        } catch is Enough {
                            return true
                        }
                    }
                    // What comes is written to those who have left.
                    _ = try await auditd.send([.init(id, .append(offset: UInt64(offset), piece))])
                    offset += piece.readableBytes
                }
            }
        }
    }

    @Test("a recording whose gateway is lost ends for its readers as interrupted")
    func interrupted() async throws {
        try await withFolder { folder in
            let limits = RecordingService.Limits(lease: .milliseconds(200))
            try await withAuditd(in: folder, limits: limits) { auditd in
                let id = recordingID(1)
                let pieces = try session(id, count: 1, size: 10)
                try await begin(auditd, id, pieces)
                let reply = try await auditd.client.send(live(id))
                let text = String(decoding: reply.body, as: UTF8.self)
                #expect(numbers(text).first == 1)
                #expect(text.hasSuffix("event: end\ndata: interrupted\n\n"))
            }
        }
    }
}
