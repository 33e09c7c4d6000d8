import AuditClient
import Foundation
import NIOCore
import SharedHTTP
import Testing

@testable import AuditdCore

/// Kills the real daemon in the middle of uploads, again and again.
@Suite(.timeLimit(.minutes(5)), .serialized)  // it starts two servers and takes a core
struct KilledUploadTests {
    private static let isPossible = StrictS3.python != nil && Daemon.isBuilt

    @Test(
        "killing auditd at any moment of its uploads loses nothing and sends no whole part twice",
        .enabled(if: isPossible, "moto's server or berth-auditd is missing")
    )
    func killed() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                let socket = folder + "/auditd.sock"
                let more = """
                      storages: [file, s3]
                    audit:
                      s3:
                        local: \(folder)/left
                        accessKey: test-access
                        secretKey: "test-secret/+="
                        bucket: \(StrictS3.bucket)
                        region: eu-test-1
                        endpoint: \(s3.url)
                        pathStyleAccess: true
                        parallelUploads: 2
                    """
                let client = try HTTPClient(
                    HTTPClientOptions(url: "unix://" + socket, timeout: .seconds(20)),
                    logger: silent
                )
                defer { client.shutdown() }
                let recordings = (1...3).map { number in
                    (recordingID(number), noise(13 * mebibyte + number, seed: UInt64(number)))
                }
                var daemon = try Daemon(folder: folder, socket: socket, more: more)
                for round in 0..<7 {
                    // What the network does meanwhile.
                    let faults = ["slow", "cut", "503", "lose-reply", "slow", "500", "slow"]
                    try await s3.fail("any", faults[round], times: 6)
                    let sent = try await s3.log().count
                    let end = min(13 * mebibyte, (round + 1) * 2 * mebibyte)
                    for (id, bytes) in recordings {
                        try await append(client, id, bytes, to: end)
                    }
                    if (3...5).contains(round) {
                        try await eventually("something is sent") {
                            try await s3.log().count > sent
                        }
                    }
                    daemon.kill()
                    daemon = try Daemon(folder: folder, socket: socket, more: more)
                }
                for (id, bytes) in recordings {
                    try await append(client, id, bytes, to: bytes.count)
                    _ = try await send(client, [.finish(id, UInt64(bytes.count))])
                }
                daemon.kill()
                daemon = try Daemon(folder: folder, socket: socket, more: more)
                try await s3.control(["faults": [String]()])
                for (id, bytes) in recordings {
                    let part = "\(folder)/recordings/spool.d/\(id).part"
                    try await eventually("the spool has let go of it", within: .seconds(150)) {
                        !Folder.exists(part)
                    }
                    #expect(try await s3.object("\(id)")?.body == bytes)
                    let file = try Data(contentsOf: URL(filePath: "\(folder)/recordings/\(id)"))
                    #expect([UInt8](file) == bytes)
                }
                daemon.kill()
                #expect(try await s3.log().compactMap(\.refused).isEmpty)
            }
        }
    }

    /// Appends up to `end`, from wherever the daemon is.
    private func append(
        _ client: HTTPClient,
        _ id: RecordingID,
        _ bytes: [UInt8],
        to end: Int
    ) async throws {
        var offset = 0
        while offset < end {
            let stop = min(end, offset + mebibyte)
            let piece = ByteBuffer(bytes: bytes[offset..<stop])
            let frames: [RecordingBatch.Frame] = [
                .open(id), .init(id, .append(offset: UInt64(offset), piece)),
            ]
            let results = try await send(client, frames)
            guard let last = results.last, last.status == 200 || last.status == 409 else {
                throw HTTPStatusError(status: results.last?.status ?? 0)
            }
            offset = Int(last.durable)
        }
    }

    private struct HTTPStatusError: Error { var status: Int }

    /// Waits for a daemon that has just been started.
    private func send(
        _ client: HTTPClient,
        _ frames: [RecordingBatch.Frame]
    ) async throws -> [FrameResult] {
        let body = RecordingBatch(gateway: "g", frames: frames).encoded()
        var results: [FrameResult] = []
        try await eventually("auditd answers", within: .seconds(90)) {
            let call = HTTPCall(.post, RecordingRoutes.batch, body: Array(body.readableBytesView))
            guard let reply = try? await client.send(call), reply.status == 200 else {
                return false
            }
            results = try reply.decode(BatchReply.self).results
            return true
        }
        return results
    }
}
