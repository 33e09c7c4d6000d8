import Crypto
import FoundationEssentials
import SharedConfig
import SharedHTTP
import SharedMessages

/// What `audit.s3` says, ready to be used.
struct S3Options: Sendable {
    /// Scheme, host and port, for virtual hosts with the bucket's name; no slash at the end.
    var url: String
    /// As it is signed.
    var host: String
    /// What stands before a key: `/` or `/bucket/`, behind the endpoint's own path.
    var base: String
    var region: String
    var prefix: String
    /// Sent with each new object, beside its metadata.
    var objectFields: [HTTPHeaderList.Field] = []
    /// Sent with every call about an object, as the store keeps no key of ours (SSE-C).
    var customerFields: [HTTPHeaderList.Field] = []
    var checksum: AuditS3Config.Checksum
    var showsAddress: Bool
    var showsUsername: Bool
    var parallelUploads: Int
    var plan: PartPlan
    var timeout: Duration
    var staleAfter: Duration
    var http: HTTPClientOptions

    /// Reads the certificate file, so it blocks. Throws a `CodedError` with code
    /// `HTTP_CLIENT_TLS_FAILED` or `HTTP_CLIENT_ENCODE_FAILED`.
    init(_ config: AuditS3Config) throws(CodedError) {
        region = config.region.isEmpty ? "us-east-1" : config.region
        let endpoint = try Endpoint(
            config.endpoint.isEmpty ? "https://s3.\(region).amazonaws.com" : config.endpoint
        )
        host = config.pathStyleAccess ? endpoint.host : "\(config.bucket).\(endpoint.host)"
        url = "\(endpoint.scheme)://\(host)"
        let bucket = SignatureV4.encode(config.bucket)
        base = endpoint.path + (config.pathStyleAccess ? "/\(bucket)/" : "/")
        prefix = config.prefix
        checksum = config.checksum
        showsAddress = config.metadata.ip
        showsUsername = config.metadata.username
        parallelUploads = config.parallelUploads
        plan = PartPlan(firstSize: UInt64(clamping: config.uploadPartSize))
        timeout = config.timeout
        staleAfter = config.staleAfter
        http = HTTPClientOptions(
            url: url,
            timeout: config.timeout,
            connectTimeout: min(config.timeout, .seconds(10)),
            replyLimit: 4 << 20,
            // Uploads, and those who read meanwhile.
            maximumConnections: config.parallelUploads + 16
        )
        http.tls.minimumVersion = .v12  // not every store of one's own speaks 1.3
        http.tls.trustedRoots = try Self.roots(config.caCertificate)
        objectFields = Self.fields(config)
        customerFields = Self.customerFields(config)
    }

    /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
    private static func customerFields(_ config: AuditS3Config) -> [HTTPHeaderList.Field] {
        guard let key = config.customerKeyBytes else { return [] }
        let name = "x-amz-server-side-encryption-customer-"
        let sum = Data(Insecure.MD5.hash(data: key)).base64EncodedString()
        return [
            .init(name: name + "algorithm", value: "AES256"),
            .init(name: name + "key", value: Data(key).base64EncodedString()),
            .init(name: name + "key-md5", value: sum),
        ]
    }

    private static func fields(_ config: AuditS3Config) -> [HTTPHeaderList.Field] {
        var fields: [HTTPHeaderList.Field] = [
            .init(name: "Content-Type", value: "application/octet-stream")
        ]
        func add(_ name: String, _ value: String) {
            if !value.isEmpty { fields.append(.init(name: name, value: value)) }
        }
        add("x-amz-acl", config.acl)
        add("x-amz-storage-class", config.storageClass)
        let encryption = config.serverSideEncryption
        add("x-amz-server-side-encryption", encryption.rawValue)
        add("x-amz-server-side-encryption-aws-kms-key-id", config.kmsKeyId)
        add(
            "x-amz-server-side-encryption-bucket-key-enabled",
            config.bucketKey ? "true" : ""
        )
        let tags = config.tags.map { (name: $0.key, value: $0.value) }
        add("x-amz-tagging", SignatureV4.queryText(tags))
        return fields
    }

    /// The system's roots and the given ones: libcurl takes one bundle.
    private static func roots(_ source: PEMSource) throws(CodedError) -> String? {
        guard !source.isEmpty else { return nil }
        let system = [
            "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/cert.pem",
        ]
        do {
            let own = try source.load()
            // A machine without roots of its own trusts only the given ones.
            let bundle = system.lazy.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }
            return own + "\n" + (bundle.first ?? "")
        } catch {
            throw CodedError(.httpClientTLSFailed, detail: "audit.s3.cacert", cause: error)
        }
    }

    /// Encoded for the path of a URL.
    func path(_ key: String) -> String { base + SignatureV4.encode(key, keepingSlashes: true) }
}

/// An absolute URL taken apart.
struct Endpoint {
    var scheme: String
    /// With the port where it is not the scheme's own.
    var host: String
    /// Without slash at the end.
    var path: String

    init(_ url: String) throws(CodedError) {
        guard let parts = URLComponents(string: url), let name = parts.encodedHost, !name.isEmpty,
            let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme)
        else {
            throw CodedError(.httpClientEncodeFailed, detail: "\(url) is no http or https URL")
        }
        self.scheme = scheme
        let isUsual = parts.port == nil || parts.port == (scheme == "https" ? 443 : 80)
        host = name.lowercased() + (isUsual ? "" : ":\(parts.port ?? 0)")
        path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
    }
}
