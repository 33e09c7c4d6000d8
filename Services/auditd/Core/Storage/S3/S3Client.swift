import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import SharedHTTP

/// The calls of S3 that auditd makes, each signed and none repeated
/// (https://docs.aws.amazon.com/AmazonS3/latest/API/).
///
/// Every call throws an `S3Failure`, or `CancellationError`.
struct S3Client: Sendable {
    let options: S3Options
    private let credentials: CredentialStore
    private let http: HTTPClient
    private let threads: NIOThreadPool

    init(
        _ options: S3Options,
        credentials: CredentialStore,
        threads: NIOThreadPool,
        logger: Logger
    ) throws {
        self.options = options
        self.credentials = credentials
        self.threads = threads
        http = try HTTPClient(options.http, logger: logger)
    }

    func shutdown() { http.shutdown() }

    // MARK: - Objects

    /// Stores a whole object.
    func put(_ key: String, _ slice: SpoolSlice, _ fields: [HTTPHeaderList.Field]) async throws {
        let (reply, _) = try await send(slice, key, [], fields + options.objectFields)
        guard reply.headers["ETag"] != nil else { throw Self.foreign(reply) }
    }

    /// Stores a few bytes as a whole object.
    func put(_ key: String, _ bytes: ByteBuffer) async throws {
        var fields = options.objectFields
        let digests = SpoolSlice.Digests(of: bytes, options.checksum.wanted)
        if let algorithm = options.checksum.algorithm, let value = options.checksum.value(digests) {
            fields.append(.init(name: "x-amz-checksum-\(algorithm.lowercased())", value: value))
        }
        let body = Array(bytes.readableBytesView)
        let reply = try await send(.put, options.path(key), fields: fields, body: body)
        guard reply.headers["ETag"] != nil else { throw Self.foreign(reply) }
    }

    /// Size and ETag; `nil` if there is no such object.
    func head(_ key: String) async throws -> S3Object? {
        do {
            let reply = try await send(.head, options.path(key))
            guard let text = reply.headers["Content-Length"], let size = UInt64(text) else {
                throw Self.foreign(reply)
            }
            return S3Object(
                size: size,
                tag: reply.headers["ETag"] ?? "",
                modified: reply.headers["Last-Modified"] ?? ""
            )
        } catch let failure as S3Failure where failure.isMissing {
            return nil
        }
    }

    /// At most `count` bytes from `offset`, none behind the end; `nil` if there is no such object.
    func read(_ key: String, at offset: UInt64, count: Int) async throws -> [UInt8]? {
        guard count > 0 else { return [] }
        let range = "bytes=\(offset)-\(offset + UInt64(count) - 1)"
        do {
            let reply = try await send(
                .get,
                options.path(key),
                fields: [.init(name: "Range", value: range)]
            )
            // 200 is the whole object: some stores ignore ranges of short ones.
            guard reply.status == 200 else { return Array(reply.body.prefix(count)) }
            return Array(reply.body.dropFirst(Int(clamping: offset)).prefix(count))
        } catch let failure as S3Failure where failure.status == 416 {
            return []
        } catch let failure as S3Failure where failure.isMissing {
            return nil
        }
    }

    /// One page of the keys that begin with `prefix`.
    func list(
        prefix: String,
        after token: String?
    ) async throws -> (keys: [String], next: String?) {
        var query = [("list-type", "2"), ("prefix", prefix)]
        if let token { query.append(("continuation-token", token)) }
        let root = try document(
            await send(.get, bucketPath, query: query),
            named: "ListBucketResult"
        )
        let keys = root.all("Contents").compactMap { $0["Key"] }
        let next = root["NextContinuationToken"] ?? ""
        let hasMore = root["IsTruncated"] == "true" && !next.isEmpty && next != token
        return (keys, hasMore ? next : nil)
    }

    // MARK: - Uploads in parts

    /// Begins an upload and answers its identifier.
    func create(_ key: String, _ fields: [HTTPHeaderList.Field]) async throws -> String {
        var fields = fields + options.objectFields
        if let algorithm = options.checksum.algorithm {
            fields.append(.init(name: "x-amz-checksum-algorithm", value: algorithm))
        }
        let reply = try await send(
            .post,
            options.path(key),
            query: [("uploads", "")],
            fields: fields
        )
        let root = try document(reply, named: "InitiateMultipartUploadResult")
        guard let id = root["UploadId"], !id.isEmpty, id.utf8.count <= 4096 else {
            throw Self.foreign(reply)
        }
        return id
    }

    func upload(_ part: PartPlan.Part, _ slice: SpoolSlice, _ key: String, _ upload: String)
        async throws -> SentPart
    {
        let query = [("partNumber", "\(part.number)"), ("uploadId", upload)]
        let (reply, digests) = try await send(slice, key, query, [])
        guard let tag = reply.headers["ETag"], !tag.isEmpty else { throw Self.foreign(reply) }
        return SentPart(part: part, tag: tag, checksum: options.checksum.value(digests))
    }

    /// Joins the parts.
    func complete(_ key: String, _ upload: String, _ parts: [SentPart]) async throws {
        let list = parts.map { sent in
            let checksum = options.checksum.algorithm.flatMap { name in
                sent.checksum.map { "<Checksum\(name)>\($0.xmlEscaped)</Checksum\(name)>" }
            }
            return "<Part><PartNumber>\(sent.part.number)</PartNumber>"
                + "<ETag>\(sent.tag.xmlEscaped)</ETag>\(checksum ?? "")</Part>"
        }
        let body = """
            <CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
            \(list.joined())</CompleteMultipartUpload>
            """
        let reply = try await send(
            .post,
            options.path(key),
            query: [("uploadId", upload)],
            fields: [.init(name: "Content-Type", value: "application/xml")],
            body: Array(body.utf8),
            // S3 sends blanks to keep the connection while it joins.
            limit: .idle(options.timeout * 5)
        )
        // Also an error has status 200 once the blanks have begun.
        let root = try? XMLElement(reply.body.trimmingLeadingSpace)
        if root?.name == "Error" {
            throw S3Failure(status: 500, body: reply.body.trimmingLeadingSpace)
        }
        guard root?.name == "CompleteMultipartUploadResult" else { throw Self.foreign(reply) }
    }

    /// Gives an upload up; harmless if it is gone.
    func abort(_ key: String, _ upload: String) async throws {
        do {
            _ = try await send(.delete, options.path(key), query: [("uploadId", upload)])
        } catch let failure as S3Failure where failure.isMissing {
            return
        }
    }

    /// The unfinished uploads of keys that begin with `prefix`, all pages.
    func uploads(prefix: String) async throws -> [S3Upload] {
        var uploads: [S3Upload] = []
        var marker: (key: String, id: String)?
        for _ in 0..<Self.maximumPages {
            var query = [("uploads", ""), ("prefix", prefix)]
            if let marker {
                query += [("key-marker", marker.key), ("upload-id-marker", marker.id)]
            }
            let reply = try await send(.get, bucketPath, query: query)
            let root = try document(reply, named: "ListMultipartUploadsResult")
            for entry in root.all("Upload") {
                guard let key = entry["Key"], let id = entry["UploadId"] else { continue }
                let begun = entry["Initiated"].flatMap(Self.time)
                uploads.append(S3Upload(key: key, id: id, begun: begun))
            }
            let next = (root["NextKeyMarker"] ?? "", root["NextUploadIdMarker"] ?? "")
            guard root["IsTruncated"] == "true", !next.0.isEmpty,
                next.0 != marker?.key || next.1 != marker?.id
            else { return uploads }
            marker = next
        }
        return uploads
    }

    /// What has arrived of an upload, all pages.
    func parts(_ key: String, _ upload: String) async throws -> [ListedPart] {
        var parts: [ListedPart] = []
        var marker = ""
        for _ in 0..<Self.maximumPages {
            var query = [("uploadId", upload)]
            if !marker.isEmpty { query.append(("part-number-marker", marker)) }
            let reply = try await send(.get, options.path(key), query: query)
            // Stores call it …Result or …Response.
            let root = try document(reply, named: "ListPartsResult", "ListPartsResponse")
            for entry in root.all("Part") {
                guard let number = entry["PartNumber"].flatMap({ Int($0) }),
                    let size = entry["Size"].flatMap({ UInt64($0) }), let tag = entry["ETag"]
                else { continue }
                parts.append(
                    ListedPart(
                        number: number,
                        size: size,
                        tag: tag,
                        checksum: options.checksum.algorithm.flatMap { entry["Checksum\($0)"] },
                        modified: entry["LastModified"].flatMap(Self.time)
                    )
                )
            }
            let next = root["NextPartNumberMarker"] ?? ""
            guard root["IsTruncated"] == "true", !next.isEmpty, next != marker else { return parts }
            marker = next
        }
        return parts
    }

    /// More than 1,000 pages of 1,000 entries are no answer to what we ask.
    private static let maximumPages = 1000

    private static func time(_ text: String) -> Date? {
        try? Date(text.prefix(19) + "Z", strategy: .iso8601)  // what has no time has no age
    }

    // MARK: - Calls

    /// S3's API of a bucket is at `/`, or at `/bucket/` in path style.
    private var bucketPath: String {
        options.base == "/" ? "/" : String(options.base.dropLast())
    }

    private func send(
        _ slice: SpoolSlice,
        _ key: String,
        _ query: [(String, String)],
        _ fields: [HTTPHeaderList.Field]
    ) async throws -> (HTTPReply, SpoolSlice.Digests) {
        let digests = try await slice.digests(options.checksum.wanted, on: threads)
        var fields = fields
        if let algorithm = options.checksum.algorithm, let value = options.checksum.value(digests) {
            fields.append(.init(name: "x-amz-checksum-\(algorithm.lowercased())", value: value))
        }
        let reply = try await send(
            .put,
            options.path(key),
            query: query,
            fields: fields,
            file: slice.body,
            hash: digests.sha256.hex
        )
        return (reply, digests)
    }

    private func send(
        _ method: HTTPCall.Method,
        _ path: String,
        query: [(String, String)] = [],
        fields: [HTTPHeaderList.Field] = [],
        body: [UInt8] = [],
        file: HTTPFileBody? = nil,
        hash: String? = nil,
        limit: HTTPCall.TimeLimit? = nil
    ) async throws -> HTTPReply {
        let keys = try await credentials.current()
        let hash = hash ?? body.sha256Hex
        let isOfObject = path != bucketPath && method != .delete
        var headers = HTTPHeaderList(fields + (isOfObject ? options.customerFields : []))
        headers.append("Host", options.host)
        headers.append("x-amz-content-sha256", hash)
        let signature = SignatureV4(credentials: keys, region: options.region)
        let request = SignatureV4.Request(
            method: method.rawValue,
            path: path,
            query: query,
            headers: headers,
            payloadHash: hash
        )
        for field in signature.fields(for: request, at: Date()) {
            headers.append(field.name, field.value)
        }
        let text = SignatureV4.queryText(query)
        let call = HTTPCall(
            method,
            text.isEmpty ? path : "\(path)?\(text)",
            headers: headers,
            body: body,
            file: file,
            timeLimit: limit ?? .idle(options.timeout)
        )
        let reply = try await http.send(call)
        guard !reply.isSuccess else { return reply }
        let failure = S3Failure(status: reply.status, body: reply.body)
        if failure.isAboutKeys { await credentials.refused(keys) }
        throw failure
    }

    private func document(_ reply: HTTPReply, named names: String...) throws -> XMLElement {
        guard let root = try? XMLElement(reply.body), names.contains(root.name) else {
            throw Self.foreign(reply)
        }
        return root
    }

    /// A success that says nothing of what S3 says.
    private static func foreign(_ reply: HTTPReply) -> S3Failure {
        S3Failure(.reply, status: reply.status, detail: "not an answer of S3")
    }
}

/// An object as the store describes it.
struct S3Object: Sendable, Hashable {
    var size: UInt64
    var tag: String
    /// As HTTP writes times.
    var modified: String
}

/// An upload that was begun and not ended.
struct S3Upload: Sendable, Hashable {
    var key: String
    var id: String
    var begun: Date?
}

/// A part as the bucket lists it.
struct ListedPart: Sendable, Hashable {
    var number: Int
    var size: UInt64
    var tag: String
    var checksum: String?
    var modified: Date?
}

/// A part that the bucket has for sure.
struct SentPart: Sendable, Hashable {
    var part: PartPlan.Part
    /// As the store gave it, quotes included.
    var tag: String
    /// Base64, where checksums are configured.
    var checksum: String?
}
