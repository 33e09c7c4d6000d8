import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP
import Testing

@testable import AuditdCore

@Suite(
    .timeLimit(.minutes(5)),
    .serialized,  // it starts a server of its own, which takes memory
    .enabled(if: StrictS3.python != nil, "moto's server is not installed")
)
struct StoredIndexTests {
    private func session(_ id: RecordingID) throws -> ByteBuffer {
        var encoder = BinaryEncoder()
        let events: [(UInt64?, AuditEvent)] = [
            (nil, .connect(remoteAddress: "192.0.2.7", country: "CH")),
            (nil, .handshakeSuccessful(username: "dev")), (nil, .container(name: "box-7")),
            (0, .newChannelAccepted(type: "session")), (0, .exec(requestID: 0, program: "look")),
            (0, .io(.stdout, ByteBuffer(string: "a needle\n"))), (0, .close), (nil, .disconnect),
        ]
        for (number, (channel, event)) in events.enumerated() {
            encoder.append(
                AuditMessage(
                    connectionID: "\(id)",
                    timestamp: sampleFacts.startedAt + Int64(number),
                    channelID: channel,
                    event: event
                )
            )
        }
        return encoder.finish(using: try #require(Deflater()))
    }

    @Test("an auditd that has nothing but the bucket lists, finds and shows what is in it")
    func fromBucket() async throws {
        try await StrictS3.run { s3 in
            let id = recordingID(1)
            let bytes = try session(id)
            func store(_ folder: String) throws -> S3Storage {
                try S3Storage(s3.config, folder: folder, environment: [:], logger: silent)
            }
            try await withFolder { folder in
                try await withAuditd(in: folder, storages: [try store(folder)]) { auditd in
                    _ = try await auditd.send([
                        .open(id), .init(id, .append(offset: 0, bytes)),
                        .finish(id, UInt64(bytes.readableBytes)),
                    ])
                    try await eventually("it is in the bucket") {
                        try await s3.object("\(id)") != nil
                    }
                }
            }
            try await withFolder { folder in
                try await withAuditd(in: folder, storages: [try store(folder)]) { auditd in
                    let query = "?text=needle&command=look&user=dev&country=CH&container=box-7"
                    try await eventually("it is indexed") {
                        let path = RecordingRoutes.list + query
                        let page = try await auditd.get(RecordingPage.self, path)
                        return page.recordings.map(\.id) == ["\(id)"]
                    }
                    let raw = try await auditd.get(RecordingRoutes.list + "/\(id)/raw")
                    #expect(raw.body == Array(bytes.readableBytesView))
                    let cast = try await auditd.get(RecordingRoutes.list + "/\(id)/cast")
                    #expect(String(decoding: cast.body, as: UTF8.self).contains("a needle"))
                }
            }
        }
    }
}
