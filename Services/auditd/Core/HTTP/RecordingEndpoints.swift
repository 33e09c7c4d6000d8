import AuditClient
import HTTPTypes
import Hummingbird
import NIOCore
import SharedAudit
import SharedHTTP
import SharedMessages

/// The routes of auditd; `docs/openapi/auditd.yaml` describes them.
struct RecordingEndpoints: Sendable {
    /// A different value after each start.
    private let instance = String(UInt64.random(in: 0 ... .max), radix: 16)
    private let spool: Spool
    private let index: RecordingIndex
    private let reader: RecordingReader
    private let followers: Followers
    private let token: ReaderToken?
    private let evidence: EvidenceFiles?

    /// Without `token` whoever reaches the server may read.
    init(
        spool: Spool,
        index: RecordingIndex,
        reader: RecordingReader,
        followers: Followers,
        token: ReaderToken?,
        evidence: EvidenceFiles?
    ) {
        self.evidence = evidence
        self.followers = followers
        self.token = token
        self.spool = spool
        self.index = index
        self.reader = reader
    }

    /// Every route as method and path template.
    static let routes: [(method: HTTPRequest.Method, path: String)] = [
        (.post, RecordingRoutes.batch), (.get, RecordingRoutes.list),
        (.get, RecordingRoutes.list + "/{id}"), (.get, RecordingRoutes.list + "/{id}/raw"),
        (.get, RecordingRoutes.list + "/{id}/messages"),
        (.get, RecordingRoutes.list + "/{id}/cast"),
        (.get, RecordingRoutes.list + "/{id}/live"), (.get, RecordingRoutes.lines),
        (.get, RecordingRoutes.list + "/{id}/links"), (.get, RecordingRoutes.ledger),
        (.get, RecordingRoutes.ledgerHead),
    ]

    func add(to router: Router<HTTPContext>) {
        for route in Self.routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                // Gateways prove who they are by their certificates.
                if route.method != .post { try token?.check(request) }
                return switch (route.method, route.path.split(separator: "/").last) {
                case (.post, _): try await take(request)
                case (_, "recordings"): try await list(request)
                case (_, "raw"): try await raw(try id(context), request)
                case (_, "messages"): try await messages(try id(context))
                case (_, "cast"): try await cast(try id(context), request)
                case (_, "live"): try await live(try id(context), request)
                case (_, "links"): try await links(try id(context))
                case (_, "ledger"): try ledger()
                case (_, "head"): try await ledgerHead()
                case (_, "lines"): try await findLines(request)
                default: try Response.json(try await summaryWithParts(try id(context)))
                }
            }
        }
    }

    private func id(_ context: HTTPContext) throws -> RecordingID {
        let text = try context.parameters.require("id")
        guard let id = RecordingID(text) else {
            throw HTTPRefusal(.notFound, .auditdUnknownRecording)
        }
        return id
    }

    // MARK: - Taking

    private func take(_ request: Request) async throws -> Response {
        let body = try await collect(request)
        let batch: RecordingBatch
        do throws(BatchError) { batch = try RecordingBatch(decoding: body) } catch {
            throw HTTPRefusal(.badRequest, .auditdBadBatch, "\(error)")
        }
        let results = try await spool.submit(batch, size: body.readableBytes)
        return try .json(BatchReply(instance: instance, results: results))
    }

    private func collect(_ request: Request) async throws -> ByteBuffer {
        let limit = RecordingRoutes.batchLimit
        var body = ByteBuffer()
        // Growing step by step would copy it several times.
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        body.reserveCapacity(min(max(length, 0), limit))
        for try await var piece in request.body {
            guard body.readableBytes + piece.readableBytes <= limit else {
                throw HTTPRefusal(.contentTooLarge, .httpServerBodyTooLarge)
            }
            body.writeBuffer(&piece)
        }
        return body
    }

    // MARK: - Finding

    private func list(_ request: Request) async throws -> Response {
        let query = try RecordingQuery(request.uri.queryParameters)
        var page: RecordingPage
        do {
            page = try await index.page(query)
        } catch {
            throw CodedError(.auditdIndexFailed, cause: error)
        }
        for position in page.recordings.indices where page.recordings[position].state == .open {
            guard let id = RecordingID(page.recordings[position].id) else { continue }
            page.recordings[position].size = try await reader.size(id) ?? 0
        }
        return try .json(page)
    }

    private func findLines(_ request: Request) async throws -> Response {
        let query = try TextQuery(request.uri.queryParameters)
        do {
            return try .json(try await index.lines(query))
        } catch {
            throw CodedError(.auditdIndexFailed, cause: error)
        }
    }

    private func live(_ id: RecordingID, _ request: Request) async throws -> Response {
        let summary = try await summary(id)
        guard summary.facts.format == .binary else {
            throw HTTPRefusal(.conflict, .auditdNotDecodable)
        }
        _ = try await size(id)
        guard let follower = followers.follow(id) else {
            throw HTTPRefusal(.serviceUnavailable, .auditdTooManyFollowers)
        }
        let name = HTTPField.Name("Last-Event-ID")
        let after =
            name.flatMap { request.headers[$0] }
            ?? request.uri.queryParameters["after"]
            .map(String.init)
        let number = after.flatMap { UInt64($0) } ?? 0
        let body = ResponseBody { [reader] writer in
            // Held here: it gives up its place when the stream goes.
            var signals = follower.signals.makeAsyncIterator()
            var stream = LiveStream(id, after: number, reader: reader) {
                try await self.summary(id).state
            }
            loop: while let step = try await stream.next() {
                switch step {
                case .bytes(let bytes): try await writer.write(bytes)
                case .wait: guard await signals.next() != nil else { break loop }
                }
            }
            withExtendedLifetime(follower) {}
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: body
        )
    }

    private func summaryWithParts(_ id: RecordingID) async throws -> RecordingSummary {
        var entry = try await summary(id)
        let others = spool.parts(of: id).union(try await index.parts(of: id))
        guard id.isWhole, others.contains(where: { !$0.isWhole }) else { return entry }
        var parts: [RecordingID] = []
        for part in others.union([id]) where try await reader.stored.partSize(part) != nil {
            parts.append(part)
        }
        entry.parts = PartJoin.ordered(parts).map(\.description)
        return entry
    }

    private func summary(_ id: RecordingID) async throws -> RecordingSummary {
        if spool.parts(of: id).isEmpty, try await index.parts(of: id).isEmpty,
            let recording = spool.recording(id)
        {
            return RecordingSummary(id, recording)
        }
        if var entry = try await index.entry(id) {
            // The index has the size of what has ended.
            if entry.state == .open { entry.size = try await reader.size(id) ?? entry.size }
            return entry
        }
        let local = spool.parts(of: id).union([id]).compactMap { part in
            spool.recording(part).map { RecordingSummary(part, $0) }
        }
        guard let entry = RecordingSummary.joined(local) else {
            throw HTTPRefusal(.notFound, .auditdUnknownRecording)
        }
        return entry
    }

    // MARK: - Reading

    private func size(_ id: RecordingID) async throws -> UInt64 {
        do {
            guard let size = try await reader.size(id) else {
                throw HTTPRefusal(.notFound, .auditdUnknownRecording)
            }
            return size
        } catch let error as CodedError where error.code == .auditdEncrypted {
            throw HTTPRefusal(.conflict, .auditdEncrypted)
        }
    }

    /// With `part` only what has exactly that name, else with all further parts.
    private func raw(_ id: RecordingID, _ request: Request? = nil) async throws -> Response {
        let isPart = request?.uri.queryParameters["part"] != nil
        let reader = reader.stored
        guard let size = try await isPart ? reader.partSize(id) : reader.size(id) else {
            throw HTTPRefusal(.notFound, .auditdUnknownRecording)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(contentLength: Int(size)) { writer in
                var pieces =
                    isPart ? reader.partPieces(id, size: size) : reader.pieces(id, size: size)
                while let piece = try await pieces.next() { try await writer.write(piece) }
                try await writer.finish(nil)
            }
        )
    }

    // MARK: - Evidence

    private func links(_ id: RecordingID) async throws -> Response {
        guard let links = try await evidence?.links(id) else {
            throw HTTPRefusal(.notFound, .auditdUnknownRecording)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(byteBuffer: links)
        )
    }

    private func ledger() throws -> Response {
        guard let evidence else { throw HTTPRefusal(.notFound, .evidenceLedgerMissing) }
        let body = ResponseBody { writer in
            var offset: UInt64 = 0
            while case let piece = try await evidence.ledger(at: offset, count: 256 << 10),
                piece.readableBytes > 0
            {
                offset += UInt64(piece.readableBytes)
                try await writer.write(piece)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/plain"], body: body)
    }

    private func ledgerHead() async throws -> Response {
        guard let evidence else { throw HTTPRefusal(.notFound, .evidenceHeadMissing) }
        return Response(
            status: .ok,
            headers: [.contentType: "text/plain"],
            body: ResponseBody(byteBuffer: try await evidence.head())
        )
    }

    private func messages(_ id: RecordingID) async throws -> Response {
        let size = try await size(id)
        guard try await summary(id).facts.format == .binary else {
            throw HTTPRefusal(.conflict, .auditdNotDecodable)
        }
        let body = ResponseBody { [reader] writer in
            var decoder = RecordingDecoder()
            var pieces = reader.pieces(id, size: size)
            while let piece = try await pieces.next() {
                let text = lines(decoder.feed(piece))
                // An empty chunk would end the body (RFC 9112 §7.1).
                if text.readableBytes > 0 { try await writer.write(text) }
            }
            let text = lines(decoder.end())
            if text.readableBytes > 0 { try await writer.write(text) }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/jsonl"], body: body)
    }

    private func cast(_ id: RecordingID, _ request: Request) async throws -> Response {
        let version: CastEncoder.Version
        switch request.uri.queryParameters["version"] {
        case nil, "2": version = .two
        case "3": version = .three
        default: throw HTTPRefusal(.badRequest, .auditdBadQuery, "version: must be 2 or 3")
        }
        let size = try await size(id)
        guard try await summary(id).facts.format == .binary else { return try await raw(id) }
        let body = ResponseBody { [reader] writer in
            var decoder = RecordingDecoder()
            var encoder = CastEncoder(version: version)
            var pieces = reader.pieces(id, size: size)
            while let piece = try await pieces.next() {
                for case .message(let message) in decoder.feed(piece) { encoder.append(message) }
                let text = encoder.take()
                if text.readableBytes > 0 { try await writer.write(text) }
            }
            // Never empty if nothing was written before: the header comes at last.
            let text = encoder.finish()
            if text.readableBytes > 0 { try await writer.write(text) }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/x-asciicast"],
            body: body
        )
    }
}

private func lines(_ items: [RecordingDecoder.Item]) -> ByteBuffer {
    var bytes = ByteBuffer()
    for item in items {
        bytes.writeString(item.jsonLine)
        bytes.writeString("\n")
    }
    return bytes
}
