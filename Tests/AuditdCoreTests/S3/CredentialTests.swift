import AuditClient
import Foundation
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

@Suite(.timeLimit(.minutes(5)), .serialized)  // some start a server of their own
struct CredentialTests {
    @Test("the file of the AWS tools is read by section, with blanks and comments")
    func file() throws {
        let text = """
            # comment
            [other]
            aws_access_key_id = wrong
            aws_secret_access_key = wrong
            [ recorder ]
            ; comment
              aws_access_key_id=AKID
            AWS_SECRET_ACCESS_KEY =  a/b=c+\u{20}
            aws_session_token = token
            """
        let found = try CredentialsFile.parse(text, profile: "recorder")
        #expect(found.accessKey == "AKID")
        #expect(found.secretKey.reveal() == "a/b=c+")
        #expect(found.sessionToken.reveal() == "token")
        for profile in ["default", "missing"] {
            #expect(throws: S3Failure.self) { try CredentialsFile.parse(text, profile: profile) }
        }
    }

    @Test("keys of the environment are taken, and their absence is an error at the start")
    func environment() throws {
        var config = AuditS3Config()
        config.credentials = .environment
        let found = try CredentialSource(
            config,
            environment: [
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c",
            ]
        )
        guard case .keys(let keys) = found else { throw CancellationError() }
        #expect(keys.accessKey == "a" && keys.secretKey.reveal() == "b")
        #expect(keys.sessionToken.reveal() == "c")
        for environment in [[:], ["AWS_ACCESS_KEY_ID": "a"], ["AWS_SECRET_ACCESS_KEY": "b"]] {
            #expect(throws: S3Failure.self) {
                try CredentialSource(config, environment: environment)
            }
        }
        config.credentials = .webIdentity
        #expect(throws: S3Failure.self) { try CredentialSource(config, environment: [:]) }
    }

    @Test("an answer of STS gives keys with their end; anything else is an error")
    func answer() throws {
        let text = """
            <?xml version="1.0"?>
            <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <AssumeRoleWithWebIdentityResult><Credentials>
                <AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s&amp;k</SecretAccessKey>
                <SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00.000Z</Expiration>
              </Credentials></AssumeRoleWithWebIdentityResult>
            </AssumeRoleWithWebIdentityResponse>
            """
        let keys = try WebIdentity.parse(Array(text.utf8))
        #expect(keys.secretKey.reveal() == "s&k")
        #expect(keys.expires == Date(timeIntervalSince1970: 1_893_456_000))
        for broken in ["", "<a/>", text.replacing("Expiration", with: "End"), "\(text)x"] {
            #expect(throws: S3Failure.self) { try WebIdentity.parse(Array(broken.utf8)) }
        }
    }

    @Test(
        "keys of a file are read again when it changes, and the upload goes on",
        .enabled(if: StrictS3.python != nil, "moto's server is not installed")
    )
    func changedFile() async throws {
        try await withFolder { folder in
            let path = folder + "/credentials"
            func write(_ secret: String) throws {
                let text = "[p]\naws_access_key_id=A\naws_secret_access_key=\(secret)\n"
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            }
            try write("old")
            try await withS3({ config in
                config.credentials = .file
                config.credentialsFile = path
                config.profile = "p"
            }) { s3, storage in
                try await s3.control(["keys": ["A": ["secret": "new"]]])
                try await storage.take(recordingID(1), noise(100))
                try await storage.waitCode(.auditS3SingleUploadFailed)
                #expect(storage.reasons(.auditS3SingleUploadFailed) == ["denied"])
                try write("new")
                try await storage.waitStored(recordingID(1))
                // A file that is gone for a moment is no keys for a moment.
                try Folder.remove(path)
                try await storage.take(recordingID(2), noise(100))
                try await storage.waitCode(.auditS3SingleUploadFailed, count: 2)
                try write("new")
                try await storage.waitStored(recordingID(2))
                #expect(storage.reasons(.auditS3SingleUploadFailed).contains("credentials"))
            }
        }
    }

    @Test(
        "a token of the machine's identity is changed for keys, anew when they are near their end",
        .enabled(if: StrictS3.python != nil, "moto's server is not installed"),
        arguments: [3600, 200]
    )
    func webIdentity(_ seconds: Int) async throws {
        try await withFolder { folder in
            let path = folder + "/token"
            try "first\n".write(toFile: path, atomically: true, encoding: .utf8)
            let environment = [
                "AWS_WEB_IDENTITY_TOKEN_FILE": path, "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
            ]
            try await StrictS3.run { s3 in
                var config = s3.config
                config.credentials = .webIdentity
                config.accessKey = ""
                config.secretKey = Secret()
                config.stsEndpoint = s3.url
                let keys = ["access": "ASIA", "secret": "s", "token": "session/+="]
                try await s3.control([
                    "identity": [
                        "token": "first", "role": "r", "seconds": seconds, "keys": keys,
                    ] as [String: Any]
                ])
                let storage = try RunningStorage(config, in: folder, environment: environment)
                try await storage.run { storage in
                    for number in 1...3 {
                        try await storage.take(recordingID(number), noise(100))
                        try await storage.waitStored(recordingID(number))
                    }
                }
                let asked = try await s3.log("sts")
                #expect(asked.first?.query["RoleArn"] == "arn:aws:iam::1:role/r")
                // Keys that last less than five minutes are looked after, but not with every call.
                #expect(asked.count == 1)
                let fields = try #require(try await s3.log("put").first?.fields)
                #expect(fields["x-amz-security-token"] == "session/+=")
            }
        }
    }

    @Test(
        "moto's own STS changes the token, and what it gives signs uploads in one piece and in parts",
        .enabled(if: StrictS3.python != nil, "moto's server is not installed")
    )
    func motoIdentity() async throws {
        try await withFolder { folder in
            let path = folder + "/token"
            try "a.b.c\n".write(toFile: path, atomically: true, encoding: .utf8)
            try await StrictS3.run { s3 in
                var config = s3.config
                config.credentials = .webIdentity
                config.accessKey = ""
                config.secretKey = Secret()
                config.stsEndpoint = s3.url
                config.roleARN = "arn:aws:iam::123456789012:role/auditd"
                config.webIdentityTokenFile = path
                try await s3.control(["identity": ["moto": true]])
                let long = noise(6 * mebibyte)
                try await RunningStorage(config, in: folder).run { storage in
                    try await storage.take(recordingID(1), noise(100))
                    try await storage.take(recordingID(2), long)
                    for number in 1...2 { try await storage.waitStored(recordingID(number)) }
                }
                #expect(try await s3.object("\(recordingID(2))")?.body == long)
                #expect(try await s3.count("sts") == 1)
                let calls = try await s3.log().filter { $0.operation != "sts" }
                #expect(calls.allSatisfy { $0.fields?["x-amz-security-token"]?.isEmpty == false })
                #expect(calls.allSatisfy { $0.refused == nil })
            }
        }
    }

    @Test(
        "a session token beside the keys is sent and signed",
        .enabled(if: StrictS3.python != nil, "moto's server is not installed")
    )
    func sessionToken() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                let keys = ["A": ["secret": "one", "token": "t/+="]]
                try await s3.control(["keys": keys])
                var config = s3.config
                (config.accessKey, config.secretKey) = ("A", Secret("one"))
                config.sessionToken = Secret("t/+=")
                try await RunningStorage(config, in: folder).run { storage in
                    try await storage.take(recordingID(1), noise(100))
                    try await storage.waitStored(recordingID(1))
                }
                let fields = try #require(try await s3.log("put").first?.fields)
                #expect(fields["x-amz-security-token"] == "t/+=")
            }
        }
    }

    @Test(
        "keys that are refused are asked for again",
        .enabled(if: StrictS3.python != nil, "moto's server is not installed")
    )
    func refused() async throws {
        try await withFolder { folder in
            let path = folder + "/token"
            try "first".write(toFile: path, atomically: true, encoding: .utf8)
            try await StrictS3.run { s3 in
                var config = s3.config
                config.credentials = .webIdentity
                config.stsEndpoint = s3.url
                config.roleARN = "role"
                config.webIdentityTokenFile = path
                func identity(_ secret: String) async throws {
                    let keys = ["access": "ASIA", "secret": secret, "token": "t"]
                    try await s3.control([
                        "identity": [
                            "token": "first", "role": "r", "seconds": 3600, "keys": keys,
                        ] as [String: Any]
                    ])
                }
                try await identity("one")
                try await RunningStorage(config, in: folder).run { storage in
                    try await storage.take(recordingID(1), noise(100))
                    try await storage.waitStored(recordingID(1))
                    try await s3.control(["keys": ["other": ["secret": "x"]]])
                    try await identity("two")
                    try await storage.take(recordingID(2), noise(100))
                    try await storage.waitStored(recordingID(2))
                }
                #expect(try await s3.log("sts").count == 2)
            }
        }
    }
}
