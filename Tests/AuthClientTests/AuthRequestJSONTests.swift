import AuthClient
import Foundation
import SharedModels
import Testing

@Suite("The body of a question")
struct AuthRequestJSONTests {
    private static let id = "5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f"

    private static func head(
        address: String = "203.0.113.7:41022",
        username: String = "alice",
        carried: ConnectionMetadata = .init()
    ) -> AuthRequestHead {
        AuthRequestHead(
            remoteAddress: address,
            connectionID: id,
            clientVersion: "SSH-2.0-OpenSSH_9.6",
            username: username,
            carried: carried
        )
    }

    private func text(_ request: AuthRequest) -> String {
        String(decoding: request.json, as: UTF8.self)
    }

    @Test("a password is the published example, byte for byte")
    func password() {
        let request = AuthRequest(head: Self.head(), question: .password(Array("s3cret".utf8)))
        let expected =
            #"{"remoteAddress":"203.0.113.7:41022","connectionId":"\#(Self.id)","#
            + #""clientVersion":"SSH-2.0-OpenSSH_9.6","username":"alice","#
            + #""passwordBase64":"czNjcmV0"}"# + "\n"
        #expect(text(request) == expected)
    }

    @Test("a public key is the published example, byte for byte")
    func publicKey() {
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLEONLY"
        let head = Self.head(address: "[2001:db8::7]:41022")
        let request = AuthRequest(head: head, question: .publicKey(line))
        let expected =
            #"{"remoteAddress":"[2001:db8::7]:41022","connectionId":"\#(Self.id)","#
            + #""clientVersion":"SSH-2.0-OpenSSH_9.6","username":"alice","#
            + #""publicKey":"\#(line)"}"# + "\n"
        #expect(text(request) == expected)
    }

    @Test("authorization carries metadata as the published example, byte for byte")
    func authorization() {
        let carried = ConnectionMetadata(metadata: [
            "team": MetadataValue("red"), "token": MetadataValue("t0p", sensitive: true),
        ])
        let request = AuthRequest(
            head: Self.head(username: "root", carried: carried),
            question: .authorization(authenticatedUsername: "alice")
        )
        let expected =
            #"{"remoteAddress":"203.0.113.7:41022","connectionId":"\#(Self.id)","#
            + #""metadata":{"team":{"value":"red","sensitive":false},"#
            + #""token":{"value":"t0p","sensitive":true}},"#
            + #""clientVersion":"SSH-2.0-OpenSSH_9.6","username":"root","#
            + #""authenticatedUsername":"alice"}"# + "\n"
        #expect(text(request) == expected)
    }

    @Test("an empty authenticated name is left out")
    func emptyName() {
        let request = AuthRequest(
            head: Self.head(),
            question: .authorization(authenticatedUsername: "")
        )
        #expect(!text(request).contains("authenticatedUsername"))
    }

    @Test("base64 is padded", arguments: [("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj")])
    func padding(_ password: String, _ encoded: String) {
        let request = AuthRequest(head: Self.head(), question: .password(Array(password.utf8)))
        #expect(text(request).contains(#""passwordBase64":"\#(encoded)""#))
    }

    @Test("characters that end strings or tags are escaped")
    func escaping() throws {
        let name = "a\"\\<>&\n\u{1}é\u{2028}"
        let request = AuthRequest(head: Self.head(username: name), question: .password([]))
        let json = text(request)
        #expect(json.contains(#""a\"\\\u003c\u003e\u0026\n\u0001é\u2028""#))
        let body = try JSONDecoder().decode(AuthRequestBody.self, from: Data(request.json))
        #expect(body.request(.password) == request)
    }

    @Test(
        "what is written is read back",
        arguments: [
            AuthQuestion.password([0, 255, 10]), .publicKey("ssh-ed25519 AAAA"),
            .authorization(authenticatedUsername: "bob"),
            .certificate(
                CertificateQuestion(
                    certificate: "ssh-ed25519-cert-v01@openssh.com AAAA",
                    publicKey: "ssh-ed25519 AAAA",
                    authority: "ssh-ed25519 BBBB",
                    keyID: "id \"<x>",
                    serial: .max,
                    principals: ["alice", "ops"],
                    validAfter: 1_700_000_000,
                    validBefore: 1_700_003_600,
                    criticalOptions: ["force-command": "true", "verify-required": ""],
                    extensions: ["permit-pty"]
                )
            ), .certificate(CertificateQuestion(certificate: "x y")),
        ]
    )
    func roundTrip(_ question: AuthQuestion) throws {
        let carried = ConnectionMetadata(
            metadata: ["k": MetadataValue("v")],
            environment: ["LANG": MetadataValue("C", sensitive: true)],
            files: ["/etc/motd": BinaryMetadataValue(base64: "aGk=")]
        )
        let request = AuthRequest(head: Self.head(carried: carried), question: question)
        let body = try JSONDecoder().decode(AuthRequestBody.self, from: Data(request.json))
        #expect(body.request(AuthRoute(question)) == request)
    }

    @Test("a question without its key or with broken base64 is none")
    func incomplete() throws {
        func request(_ json: String, _ route: AuthRoute) throws -> AuthRequest? {
            try JSONDecoder().decode(AuthRequestBody.self, from: Data(json.utf8)).request(route)
        }
        #expect(try request(#"{"username":"a"}"#, .password) == nil)
        #expect(try request(#"{"username":"a","passwordBase64":"%%"}"#, .password) == nil)
        #expect(try request(#"{"username":"a"}"#, .publicKey) == nil)
        #expect(try request(#"{"username":"a"}"#, .certificate) == nil)
    }
}
