import ArgumentParser
import AuditClient
import Foundation
import Logging
import NIOCore
import SharedAudit
import SharedHTTP
import SharedMessages
import SharedModels

/// Where auditd is, and how to call it.
struct AuditdOptions: ParsableArguments {
    @Option(help: "auditd's address: http://, https:// or unix:///path.")
    var server = "http://127.0.0.1:7030"

    @Option(name: .customLong("cacert"), help: "File with the roots to trust, PEM.")
    var trustedRoots: String?

    @Option(name: .customLong("cert"), help: "File with the client certificate, PEM.")
    var certificate: String?

    @Option(name: .customLong("key"), help: "File with the client certificate's key, PEM.")
    var key: String?

    @Option(help: "File with the token that auditd asks readers for; or BERTH_AUDITD_TOKEN.")
    var tokenFile: String?

    /// Calls auditd and hands over the body piece by piece. A refusal or failure is printed with
    /// its code, and ends the command with status 1.
    func get(
        _ path: String,
        timeLimit: HTTPCall.TimeLimit = .idle(.seconds(30)),
        _ body: ([UInt8]) async throws -> Void
    ) async throws {
        _ = try await get(path, timeLimit: timeLimit, missingIsFailure: true, body)
    }

    private func get(
        _ path: String,
        timeLimit: HTTPCall.TimeLimit,
        missingIsFailure: Bool,
        _ body: ([UInt8]) async throws -> Void
    ) async throws -> Bool {
        var options = HTTPClientOptions(url: server)
        options.tls.trustedRoots = try trustedRoots.map(text)
        options.tls.certificate = try certificate.map(text)
        options.tls.privateKey = try key.map(text)
        let logger = Logger(label: "berth") { _ in SwiftLogNoOpLogHandler() }
        do {
            let client = try HTTPClient(options, logger: logger)
            defer { client.shutdown() }
            let call = HTTPCall(.get, path, headers: try headers, timeLimit: timeLimit)
            return try await client.withReply(to: call) { head, reply in
                if head.status == 404, !missingIsFailure { return false }
                guard head.isSuccess else { throw try await refusal(head, reply) }
                while let chunk = try await reply.next() { try await body(chunk) }
                return true
            }
        } catch let error as CodedError {
            printError("\(error)".printable)
            throw ExitCode.failure
        } catch let refusal as Refusal {
            printError("\(refusal.body.code): \(refusal.body.message)".printable)
            throw ExitCode.failure
        }
    }

    private var headers: HTTPHeaderList {
        get throws {
            let given =
                try tokenFile.map(text) ?? ProcessInfo.processInfo.environment["BERTH_AUDITD_TOKEN"]
            guard let token = given?.trimmingCharacters(in: .whitespacesAndNewlines), !token.isEmpty
            else { return [:] }
            return ["Authorization": "Bearer \(token)"]
        }
    }

    /// As `get`; false instead of a failure where there is no such thing.
    func getIfPresent(
        _ path: String,
        _ body: ([UInt8]) async throws -> Void
    ) async throws -> Bool {
        try await get(path, timeLimit: .idle(.seconds(30)), missingIsFailure: false, body)
    }

    /// Reads a recording as storages have it and decodes it here, so that its key stays here.
    func items(
        of id: RecordingID,
        _ identity: IdentityOption,
        _ body: ([RecordingDecoder.Item]) async throws -> Void
    ) async throws {
        var decoder = RecordingDecoder()
        var join = PartJoin()
        for part in try await parts(of: id) where join.begin(part) {
            var unsealer = try identity.unsealer()
            try await get(RecordingRoutes.rawPart(part)) { bytes in
                let piece = try unsealer.feed(ByteBuffer(bytes: bytes))
                try await body(decoder.feed(join.take(piece)))
            }
            try await body(decoder.feed(join.take(try unsealer.end())))
        }
        try await body(decoder.end())
    }

    /// What a recording is stored as, in order.
    func parts(of id: RecordingID) async throws -> [RecordingID] {
        let names = try await decode(RecordingSummary.self, RecordingRoutes.summary(id)).parts
        return PartJoin.ordered((names ?? ["\(id)"]).compactMap { RecordingID($0) })
    }

    /// Calls auditd for something short that is JSON.
    func decode<Value: Decodable>(_ type: Value.Type, _ path: String) async throws -> Value {
        var body: [UInt8] = []
        try await get(path) { body += $0 }
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            printError("HTTP_CLIENT_DECODE_FAILED: \(server.printable) answers as another service")
            throw ExitCode.failure
        }
    }

    private func refusal(_ head: HTTPReplyHead, _ reply: HTTPReplyBody) async throws -> Refusal {
        var body: [UInt8] = []
        while body.count < 64 << 10, let chunk = try await reply.next() { body += chunk }
        return Refusal(
            body: HTTPReply(head: head, body: body).refusal
                ?? ErrorBody(code: "HTTP \(head.status)", message: "no reason was given")
        )
    }

    private func text(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            printError("The file \(path.printable) cannot be read.")
            throw ExitCode.failure
        }
    }
}

/// auditd's answer when it is no success.
private struct Refusal: Error {
    let body: ErrorBody
}
