import AuthClient
import Foundation
import HTTPTypes
import Hummingbird
import SharedConfig
import SharedHTTP
import SharedModels
import Testing
import Yams

@testable import AuthdCore

@Suite("docs/openapi/authd.yaml")
struct OpenAPITests {
    private let document: Node

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/openapi/authd.yaml").standardizedFileURL
        let text = try String(contentsOf: file, encoding: .utf8)
        document = try #require(try Yams.compose(yaml: text))
    }

    @Test("names exactly the routes that authd serves")
    func routes() async throws {
        try await Fixture.run { fixture async throws in
            let router = HTTPService.makeRouter(health: HealthRegistry(), logger: fixture.logger)
            let conversation = try await fixture.conversation()
            WebhookRoutes(fixture.authority, conversation).add(to: router)
            UserAdminRoutes(fixture.administrator).add(to: router)
            let limits = SharedLimits(LimitsConfig(), logger: fixture.logger)
            SharedLimitsRoutes(limits).add(to: router)
            PenaltyRoutes(limits).add(to: router)
            AuthorityAdminRoutes(fixture.issuer()).add(to: router)
            LoginRoutes(
                conversation,
                fixture.issuer(),
                limits: limits,
                sources: LimitsConfig(),
                logger: fixture.logger
            ).add(to: router)
            let served = Set(
                router.routes.map { "\($0.method.rawValue) \(form($0.path.description))" }
            )
            var documented: Set<String> = []
            for (path, item) in try #require(document["paths"]?.mapping) {
                let path = try #require(path.string)
                for (method, _) in try #require(item.mapping) where method != "parameters" {
                    documented.insert("\(try #require(method.string).uppercased()) \(path)")
                }
            }
            #expect(documented == served)
        }
    }

    /// `/users/:name` or `/users/{name}`, whichever the router prints.
    private func form(_ path: String) -> String {
        path.split(separator: "/").map { part in
            "/" + (part.hasPrefix(":") ? "{\(part.dropFirst())}" : part)
        }.joined()
    }

    @Test(
        "has the keys of every body, and requires those that are always there",
        arguments: [
            "AuthResponse", "UserRecord", "UserKeyRecord", "NewUser", "UserChange", "NewPassword",
            "NewKey", "ErrorBody", "MetadataValue", "PasswordAuthRequest", "PublicKeyAuthRequest",
            "AuthorizationRequest", "Use", "UseLimits", "UseRefusal", "AdmitRequest", "AdmitReply",
            "GroupRecord", "NewGroup", "TokenRecord", "NewToken", "MadeToken", "ChangeRecord",
            "TOTPEnrolment", "TOTPConfirmation", "CredentialRestrictions",
            "CertificateAuthRequest", "CertificateLogin", "MadeCertificate", "AuthorityRecord",
            "NewAuthority", "CertificateRecord", "NewHostCertificate", "NewUserCertificate",
            "NewRevocation",
            "ReleaseRequest", "Offence", "LimitsReport", "LimitsReportReply", "PenaltyRecord",
        ]
    )
    func schemas(_ name: String) throws {
        let schema = try #require(document["components"]?["schemas"]?[Node(name)])
        let properties = Set(
            try #require(schema["properties"]?.mapping).compactMap { $0.key.string }
        )
        let required = Set(schema["required"]?.sequence?.compactMap(\.string) ?? [])
        let examples = try Self.examples()
            .merging(try Self.limitExamples()) { $1 }
            .merging(try Self.accountExamples()) { $1 }
            .merging(try Self.certificateExamples()) { $1 }
        let example = try #require(examples[name])
        #expect(properties == (try keys(example.full)))
        #expect(required == (try keys(example.least)))
    }

    private func keys(_ json: Data) throws -> Set<String> {
        let object = try JSONSerialization.jsonObject(with: json) as? [String: Any]
        return Set(try #require(object).keys)
    }

    private static func accountExamples() throws -> [String: (full: Data, least: Data)] {
        let encoder = JSONEncoder()
        let values: [(String, any Encodable, (any Encodable)?)] = [
            (
                "GroupRecord", GroupRecord(name: "", description: "", loginNames: [], members: []),
                nil
            ),
            (
                "NewGroup", NewGroup(name: "", description: "", loginNames: []),
                NewGroup(name: "")
            ),
            (
                "TokenRecord",
                TokenRecord(name: "", readOnly: true, created: "", expires: ""),
                TokenRecord(name: "", readOnly: true, created: "")
            ),
            ("NewToken", NewToken(name: "", readOnly: true, expires: ""), NewToken(name: "")),
            ("MadeToken", MadeToken(name: "", token: ""), nil),
            (
                "ChangeRecord",
                ChangeRecord(id: 1, time: "", actor: "", action: "", subject: "", detail: ""), nil
            ),
            ("TOTPEnrolment", TOTPEnrolment(url: "", secret: "", recoveryCodes: []), nil),
            ("TOTPConfirmation", TOTPConfirmation(code: ""), nil),
        ]
        var examples = try Dictionary(
            uniqueKeysWithValues: values.map { name, full, least in
                let least = least ?? full
                return (name, (full: try encoder.encode(full), least: try encoder.encode(least)))
            }
        )
        // Everything is written, and nothing of it has to be there.
        let restrictions = CredentialRestrictions(forceCommand: "c")
        examples["CredentialRestrictions"] = (try encoder.encode(restrictions), Data("{}".utf8))
        return examples
    }

    private static func certificateExamples() throws -> [String: (full: Data, least: Data)] {
        let encoder = JSONEncoder()
        let authority = AuthorityRecord(
            name: "",
            kind: .user,
            publicKey: "",
            fingerprint: "",
            signs: true,
            principals: [],
            created: "",
            trustedUntil: ""
        )
        var least = authority
        least.trustedUntil = nil
        let record = CertificateRecord(
            serial: "",
            kind: .host,
            subject: "",
            principals: [],
            fingerprint: "",
            authority: "",
            issued: "",
            expires: "",
            revoked: true
        )
        let made = MadeCertificate(
            certificate: "",
            serial: "",
            expires: "",
            principals: [],
            authority: ""
        )
        let login = CertificateLogin(
            username: "",
            publicKey: "",
            lifetimeSeconds: 1,
            state: "",
            answersBase64: []
        )
        let host = NewHostCertificate(
            publicKey: "",
            names: [],
            lifetimeSeconds: 1,
            authority: ""
        )
        let values: [(String, any Encodable, any Encodable)] = [
            ("AuthorityRecord", authority, least), ("CertificateRecord", record, record),
            ("MadeCertificate", made, made),
            ("CertificateLogin", login, CertificateLogin(username: "", publicKey: "")),
            (
                "NewAuthority",
                NewAuthority(name: "", kind: .user, publicKey: "", principals: []),
                NewAuthority(name: "", kind: .user)
            ), ("NewHostCertificate", host, NewHostCertificate(publicKey: "", names: [])),
            (
                "NewUserCertificate",
                NewUserCertificate(user: "", publicKey: "", lifetimeSeconds: 1),
                NewUserCertificate(user: "", publicKey: "")
            ),
            (
                "NewRevocation",
                NewRevocation(serial: "", user: "", fingerprint: "", keyId: ""), NewRevocation()
            ),
        ]
        var examples = try Dictionary(
            uniqueKeysWithValues: values.map { name, full, least in
                (name, (full: try encoder.encode(full), least: try encoder.encode(least)))
            }
        )
        var head = request("a", .password([])).head
        let short = AuthRequest(
            head: head,
            question: .certificate(CertificateQuestion(certificate: ""))
        )
        let value = ["k": MetadataValue("v")]
        head.carried = ConnectionMetadata(
            metadata: value,
            environment: value,
            files: ["/f": BinaryMetadataValue(base64: "aGk=")]
        )
        let long = AuthRequest(
            head: head,
            question: .certificate(
                CertificateQuestion(certificate: "", validAfter: 1, validBefore: 2)
            )
        )
        examples["CertificateAuthRequest"] = (Data(long.json), Data(short.json))
        return examples
    }

    private static func limitExamples() throws -> [String: (full: Data, least: Data)] {
        let encoder = JSONEncoder()
        let use = Use(id: "1", kind: .session, user: "a", source: "")
        let refusal = UseRefusal(.sessions, current: 1, maximum: 1)
        let record = PenaltyRecord(
            source: "192.0.2.1",
            cause: .noAuth,
            remainingSeconds: 1,
            refused: true,
            banned: false
        )
        let reply = LimitsReportReply(
            epoch: "",
            revision: 1,
            penalties: [record],
            cleared: [],
            wantsUses: false
        )
        let values: [(String, any Encodable, (any Encodable)?)] = [
            ("Use", use, nil), ("UseLimits", UseLimits(), nil), ("UseRefusal", refusal, nil),
            ("AdmitRequest", AdmitRequest(gateway: "", use: use, limits: UseLimits()), nil),
            ("AdmitReply", AdmitReply(refusal: refusal), AdmitReply(refusal: nil)),
            ("ReleaseRequest", ReleaseRequest(gateway: "", uses: []), nil),
            ("Offence", Offence(source: "", kind: .noAuth), nil),
            ("LimitsReport", LimitsReport(gateway: "", uses: [use]), LimitsReport(gateway: "")),
            ("LimitsReportReply", reply, nil), ("PenaltyRecord", record, nil),
        ]
        return try Dictionary(
            uniqueKeysWithValues: values.map { name, full, least in
                let least = least ?? full
                return (name, (try encoder.encode(full), try encoder.encode(least)))
            }
        )
    }

    /// For each schema its longest and its shortest form.
    private static func examples() throws -> [String: (full: Data, least: Data)] {
        let encoder = JSONEncoder()
        let value = MetadataValue("v")
        let map = ["k": value]
        let files = ["/f": BinaryMetadataValue(base64: "aGk=")]
        let carried = ConnectionMetadata(metadata: map, environment: map, files: files)
        func question(_ question: AuthQuestion, least: AuthQuestion? = nil) -> (Data, Data) {
            let head = AuthRequestHead(
                remoteAddress: "",
                connectionID: "",
                clientVersion: "",
                username: ""
            )
            var full = head
            full.carried = carried
            return (
                Data(AuthRequest(head: full, question: question).json),
                Data(AuthRequest(head: head, question: least ?? question).json)
            )
        }
        let full = AuthResponse(
            success: true,
            authenticatedUsername: "a",
            carried: carried,
            reason: "r",
            unknownUser: true,
            restrictions: CredentialRestrictions(permitPty: false)
        )
        let record = try encoder.encode(UserRecord(name: "a", expires: "e"))
        let key = try encoder.encode(UserKeyRecord(fingerprint: "", type: "", comment: ""))
        let newKey = try encoder.encode(NewKey(key: ""))
        let error = try encoder.encode(ErrorBody(code: "", message: ""))
        let newUser = NewUser(
            name: "a",
            passwordBase64: "",
            passwordHash: "",
            disabled: false,
            expires: "",
            keys: [],
            groups: [],
            loginNames: [],
            metadata: map,
            environment: map
        )
        let change = UserChange(
            disabled: true,
            expires: "",
            groups: [],
            loginNames: [],
            metadata: map,
            environment: map
        )
        return [
            "AuthResponse": (
                try encoder.encode(AuthResponseBody(full)),
                try encoder.encode(AuthResponseBody(AuthResponse(success: false)))
            ),
            "UserRecord": (record, try encoder.encode(UserRecord(name: "a"))),
            "UserKeyRecord": (key, key),
            "NewUser": (try encoder.encode(newUser), try encoder.encode(NewUser(name: "a"))),
            "UserChange": (try encoder.encode(change), try encoder.encode(UserChange())),
            "NewPassword": (
                try encoder.encode(NewPassword(passwordBase64: "", passwordHash: "")),
                try encoder.encode(NewPassword(passwordBase64: nil))
            ),
            "NewKey": (newKey, newKey),
            "ErrorBody": (error, error),
            // `sensitive` is always written, but need not be.
            "MetadataValue": (try encoder.encode(value), Data(#"{"value":""}"#.utf8)),
            "PasswordAuthRequest": question(.password([])),
            "PublicKeyAuthRequest": question(.publicKey("")),
            "AuthorizationRequest": question(
                .authorization(authenticatedUsername: "a"),
                least: .authorization(authenticatedUsername: "")
            ),
        ]
    }
}
