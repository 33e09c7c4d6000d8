import FoundationEssentials
import SharedConfig

/// Where keys come from.
enum CredentialSource: Sendable {
    case keys(S3Credentials)
    /// A file in the format of the AWS tools, and the section in it.
    case file(path: String, profile: String)
    case webIdentity(WebIdentity)

    /// Throws an `S3Failure` with reason `credentials`.
    init(_ config: AuditS3Config, environment: [String: String]) throws(S3Failure) {
        switch config.credentials {
        case .keys:
            self = .keys(
                S3Credentials(
                    accessKey: config.accessKey,
                    secretKey: config.secretKey,
                    sessionToken: config.sessionToken
                )
            )
        case .file: self = .file(path: config.credentialsFile, profile: config.profile)
        case .environment:
            guard let access = environment["AWS_ACCESS_KEY_ID"], !access.isEmpty,
                let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty
            else {
                let names = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                throw S3Failure(.credentials, detail: "\(names) are not in the environment")
            }
            self = .keys(
                S3Credentials(
                    accessKey: access,
                    secretKey: Secret(secret),
                    sessionToken: Secret(environment["AWS_SESSION_TOKEN"] ?? "")
                )
            )
        case .webIdentity:
            self = .webIdentity(try WebIdentity(config, environment: environment))
        }
    }
}

/// The format of `~/.aws/credentials`.
struct CredentialsFile {
    /// The keys of one section. Throws an `S3Failure` with reason `credentials`, which never quotes
    /// the file.
    static func parse(_ text: String, profile: String) throws(S3Failure) -> S3Credentials {
        var values: [String: String] = [:]
        var section = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trim(line)
            if line.hasPrefix("["), line.hasSuffix("]") {
                section = trim(line.dropFirst().dropLast())
            } else if section == profile, !line.hasPrefix("#"), !line.hasPrefix(";"),
                let sign = line.firstIndex(of: "=")
            {
                let name = trim(line[..<sign]).lowercased()
                values[name] = trim(line[line.index(after: sign)...])
            }
        }
        guard let access = values["aws_access_key_id"], !access.isEmpty,
            let secret = values["aws_secret_access_key"], !secret.isEmpty
        else { throw S3Failure(.credentials, detail: "no keys for profile \(profile)") }
        return S3Credentials(
            accessKey: access,
            secretKey: Secret(secret),
            sessionToken: Secret(values["aws_session_token"] ?? "")
        )
    }

    private static func trim(_ text: some StringProtocol) -> String {
        String(
            text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }
                .reversed()
        )
    }
}
