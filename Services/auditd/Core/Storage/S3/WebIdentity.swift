import FoundationEssentials
import Logging
import SharedConfig
import SharedHTTP

/// Changes a token of the machine's own identity for keys
/// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
struct WebIdentity: Sendable {
    var tokenFile: String
    var roleARN: String
    var sessionName: String
    var http: HTTPClientOptions

    init(_ config: AuditS3Config, environment: [String: String]) throws(S3Failure) {
        func value(_ own: String, _ name: String) throws(S3Failure) -> String {
            let value = own.isEmpty ? environment[name] ?? "" : own
            guard !value.isEmpty else {
                throw S3Failure(.credentials, detail: "\(name) is not set")
            }
            return value
        }
        tokenFile = try value(config.webIdentityTokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE")
        roleARN = try value(config.roleARN, "AWS_ROLE_ARN")
        let name = environment["AWS_ROLE_SESSION_NAME"] ?? ""
        sessionName = name.isEmpty ? "berth-auditd" : name
        let region = config.region.isEmpty ? "us-east-1" : config.region
        let endpoint =
            config.stsEndpoint.isEmpty
            ? "https://sts.\(region).amazonaws.com" : config.stsEndpoint
        http = HTTPClientOptions(url: endpoint, timeout: .seconds(30), replyLimit: 256 << 10)
        http.tls.minimumVersion = .v12
    }

    /// Reads the token and asks. Throws an `S3Failure`; it never quotes token or keys.
    func credentials(logger: Logger) async throws -> S3Credentials {
        let token: String
        do {
            token = try String(contentsOfFile: tokenFile, encoding: .utf8)
                .split(whereSeparator: \.isWhitespace).joined()
        } catch {
            throw S3Failure(.credentials, detail: "\(tokenFile) cannot be read")
        }
        let form = SignatureV4.queryText([
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"),
            ("RoleArn", roleARN), ("RoleSessionName", sessionName), ("WebIdentityToken", token),
        ])
        let client = try HTTPClient(http, logger: logger)
        defer { client.shutdown() }
        let reply = try await client.send(
            HTTPCall(
                .post,
                "/",
                headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: Array(form.utf8)
            )
        )
        guard reply.isSuccess else {
            let failure = S3Failure(status: reply.status, body: reply.body)
            throw S3Failure(.credentials, status: failure.status, code: failure.code)
        }
        return try Self.parse(reply.body)
    }

    static func parse(_ body: [UInt8]) throws(S3Failure) -> S3Credentials {
        guard let root = try? XMLElement(body),
            let found = root.first("AssumeRoleWithWebIdentityResult")?.first("Credentials"),
            let access = found["AccessKeyId"], !access.isEmpty,
            let secret = found["SecretAccessKey"], !secret.isEmpty,
            let token = found["SessionToken"], !token.isEmpty,
            // Whole seconds with or without a fraction.
            let text = found["Expiration"],
            let end = try? Date(text.prefix(19) + "Z", strategy: .iso8601)
        else { throw S3Failure(.credentials, detail: "STS answers something else") }
        return S3Credentials(
            accessKey: access,
            secretKey: Secret(secret),
            sessionToken: Secret(token),
            expires: end
        )
    }
}
