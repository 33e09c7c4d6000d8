import AuditClient
import Foundation
import NIOCore
import SharedHTTP
import Testing

@testable import AuditdCore

/// What auditd counts of its spool and its uploads, as a metrics store gets it.
@Suite(.timeLimit(.minutes(10)), .serialized)  // it starts three servers
struct UploadMetricsTests {
    private static let isPossible =
        StrictS3.python != nil && Daemon.isBuilt && Daemon.isBuilt("berth-metricsd")

    /// The page of a metricsd, and what its lines say.
    private struct Page {
        let client: HTTPClient

        /// The sum of the lines that begin with `series`; `nil` if there is none.
        func value(_ series: String) async throws -> Double? {
            let call = HTTPCall(.get, "/metrics", timeLimit: .total(.seconds(60)))
            guard let reply = try? await client.send(call), reply.status == 200 else { return nil }
            let values = String(decoding: reply.body, as: UTF8.self).split(separator: "\n")
                .filter { $0.hasPrefix(series) }
                .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
            return values.isEmpty ? nil : values.reduce(0, +)
        }

        func wait(for series: String, _ condition: (Double) -> Bool) async throws {
            var last: Double?
            try await eventually("\(series) is \(last.map { "\($0)" } ?? "missing")") {
                last = try await value(series)
                return last.map(condition) ?? false
            }
        }
    }

    @Test(
        "bytes, their age, failures, lag and free space are counted as they are",
        .enabled(if: isPossible, "moto's server, berth-auditd or berth-metricsd is missing")
    )
    func counted() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                let (page, collector) = ("\(folder)/page.sock", "\(folder)/metricsd.sock")
                let metricsd = try Daemon(
                    "berth-metricsd",
                    folder: folder,
                    """
                    metrics: { enable: true, listen: "unix://\(page)" }
                    metricsd: { listen: "unix://\(collector)" }
                    """
                )
                let socket = folder + "/auditd.sock"
                let auditd = try Daemon(
                    folder: folder,
                    socket: socket,
                    more: settings(s3, folder, collector)
                )
                let options = HTTPClientOptions(url: "unix://" + page)
                let pages = Page(client: try HTTPClient(options, logger: silent))
                let client = try HTTPClient(
                    HTTPClientOptions(url: "unix://" + socket, timeout: .seconds(60)),
                    logger: silent
                )
                defer { for client in [client, pages.client] { client.shutdown() } }
                try await s3.control(["away": true])
                let bytes = noise(6 * mebibyte)
                try await eventually("auditd takes it") { try await record(bytes, client) }
                try await whileAway(pages, Double(bytes.count))
                try await s3.control(["away": false])
                try await whenStored(pages, Double(bytes.count))
                auditd.kill()
                metricsd.kill()
            }
        }
    }

    private func settings(_ s3: StrictS3, _ folder: String, _ collector: String) -> String {
        """
          storages: [s3]
          ledger: { enable: false }
        metrics:
          push: { url: "unix://\(collector)", interval: 100ms }
        audit:
          s3:
            local: \(folder)/left
            accessKey: test-access
            secretKey: "test-secret/+="
            bucket: \(StrictS3.bucket)
            region: eu-test-1
            endpoint: \(s3.url)
            pathStyleAccess: true
        """
    }

    /// Answers whether auditd could be reached.
    private func record(_ bytes: [UInt8], _ client: HTTPClient) async throws -> Bool {
        let id = recordingID(1)
        let frames: [RecordingBatch.Frame] = [
            .open(id), .init(id, .append(offset: 0, ByteBuffer(bytes: bytes))),
            .finish(id, UInt64(bytes.count)),
        ]
        let body = RecordingBatch(gateway: "g1", frames: frames).encoded()
        let call = HTTPCall(
            .post,
            RecordingRoutes.batch,
            body: Array(body.readableBytesView),
            timeLimit: .total(.seconds(60))
        )
        guard let reply = try? await client.send(call) else { return false }
        return reply.status == 200
    }

    private func whileAway(_ pages: Page, _ size: Double) async throws {
        try await pages.wait(for: "berth_auditd_accepted_bytes_total") { $0 == size }
        try await pages.wait(for: "berth_auditd_unsent_bytes") { $0 == size }
        try await pages.wait(for: "berth_auditd_oldest_unsent_seconds") { $0 > 1 }
        try await pages.wait(for: "berth_auditd_unstored_recordings") { $0 == 1 }
        try await pages.wait(for: "berth_auditd_spool_free_bytes") { $0 > 0 }
        try await pages.wait(for: "berth_auditd_commits_total") { $0 >= 1 }
        let failures = "berth_auditd_upload_failures_total{"
        try await pages.wait(for: failures) { $0 >= 2 }
        #expect(try await pages.value("berth_auditd_uploaded_bytes_total") ?? 0 == 0)
    }

    private func whenStored(_ pages: Page, _ size: Double) async throws {
        try await pages.wait(for: "berth_auditd_uploaded_bytes_total") { $0 >= size }
        try await pages.wait(for: "berth_auditd_unsent_bytes") { $0 == 0 }
        try await pages.wait(for: "berth_auditd_oldest_unsent_seconds") { $0 == 0 }
        try await pages.wait(for: "berth_auditd_stored_total") { $0 == 1 }
        // A histogram, in which each part counts once.
        try await pages.wait(for: "berth_auditd_upload_lag_seconds_count") { $0 >= 2 }
        try await pages.wait(for: "berth_auditd_upload_lag_seconds_bucket") { $0 >= 2 }
        try await pages.wait(for: "berth_auditd_upload_lag_seconds_sum") { $0 > 1 }
    }
}
