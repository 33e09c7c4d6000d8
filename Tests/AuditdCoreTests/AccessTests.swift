import AuditClient
import Foundation
import HTTPTypes
import SharedHTTP
import SharedMessages
import SharedModels
import TestCertificates
import Testing

@testable import AuditdCore

/// Who may read: every route that the router has, by token and by certificate.
@Suite(.timeLimit(.minutes(5))) struct AccessTests {
    private static let token = "0123456789abcdef"
    /// Routes that show nothing of a recording, or are the gateways'.
    private static let open = Set(
        WebPage.paths.map { "GET \($0)" } + [
            "POST \(RecordingRoutes.batch)", "GET /healthz", "GET /readyz",
        ]
    )

    private func place(_ path: String) -> String {
        path.replacing("{id}", with: "\(recordingID(1))")
    }

    private func reply(
        _ auditd: RunningAuditd,
        _ path: String,
        _ headers: HTTPHeaderList = [:]
    ) async throws -> HTTPReply {
        let limit = HTTPCall.TimeLimit.total(.seconds(60))
        return try await auditd.client.send(
            HTTPCall(.get, place(path), headers: headers, timeLimit: limit)
        )
    }

    @Test("no route but those of gateways, probes and the page answers without the token")
    func token() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder, token: Self.token, web: true) { auditd in
                let id = recordingID(1)
                _ = try await auditd.send([.open(id), .append(id, at: 0, "x"), .finish(id, 1)])
                let names = Set(auditd.routes.map { "\($0.method) \($0.path)" })
                let described = RecordingEndpoints.routes.map { "\($0.method.rawValue) \($0.path)" }
                #expect(names == Self.open.union(described))
                for (method, path) in auditd.routes where method == "GET" {
                    let isOpen = Self.open.contains("GET \(path)")
                    let bare = try await reply(auditd, path)
                    #expect((bare.status == 401) == !isOpen, "\(path)")
                    guard !isOpen else { continue }
                    #expect(bare.refusal?.code == MessageCode.auditdUnauthorized.id)
                    let wrong = try await reply(auditd, path, ["Authorization": "Bearer 0123"])
                    #expect(wrong.status == 401, "\(path)")
                    let header: HTTPHeaderList = ["Authorization": "Bearer \(Self.token)"]
                    let right = try await reply(auditd, path, header)
                    #expect(right.status != 401, "\(path)")
                }
            }
        }
    }

    @Test("with mutual TLS every route answers whoever has a certificate, and nobody else")
    func certificates() async throws {
        try await withFolder { folder in
            let made = try Certificates.make(in: URL(filePath: folder))
            let server = HTTPServerOptions.TLSOptions(
                certificate: made.serverCertificate,
                privateKey: made.serverKey,
                clientRoots: made.authority
            )
            let known = HTTPClientOptions.TLSOptions(
                trustedRoots: made.authority,
                certificate: made.clientCertificate,
                privateKey: made.clientKey
            )
            try await withAuditd(in: folder, web: true, tls: (server, known)) { auditd in
                var options = HTTPClientOptions(url: auditd.url, timeout: .seconds(60))
                options.tls = HTTPClientOptions.TLSOptions(trustedRoots: made.authority)
                let stranger = try HTTPClient(options, logger: silent)
                defer { stranger.shutdown() }
                #expect(try await reply(auditd, "/v1/recordings").status == 200)
                #expect(try await reply(auditd, "/web").status == 200)
                for (method, path) in auditd.routes where method == "GET" {
                    let answer = try await reply(auditd, path)
                    #expect(![401, 403].contains(answer.status), "\(path)")
                    await #expect(throws: CodedError.self, "\(path)") {
                        _ = try await stranger.send(HTTPCall(.get, place(path)))
                    }
                }
            }
        }
    }
}
