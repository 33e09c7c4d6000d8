import Foundation
import SharedConfig
import SharedHTTP
import Testing

@testable import AuditdCore

/// Requests and signatures that AWS publishes: the test suite of Signature Version 4, and the
/// examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
@Suite struct SignatureV4Tests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var path = "/"
        var query: [(String, String)] = []
        var headers: [(String, String)] = []
        var token = ""
        var signature: String
    }

    static let suite = [
        Vector(
            testDescription: "get-vanilla",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
        Vector(
            testDescription: "get-vanilla-empty-query-key",
            query: [("Param1", "value1")],
            signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"
        ),
        Vector(
            testDescription: "get-vanilla-query-order-key-case",
            query: [("Param2", "value2"), ("Param1", "value1")],
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        Vector(
            testDescription: "get-utf8",
            path: "/ሴ",
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"
        ),
        Vector(
            testDescription: "get-space-unnormalized",
            path: "/example space/",
            signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"
        ),
        Vector(
            testDescription: "get-slashes-unnormalized",
            path: "//example//",
            signature: "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"
        ),
        Vector(
            testDescription: "get-header-value-trim",
            headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
        ),
        Vector(
            testDescription: "get-vanilla-with-session-token",
            token: "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
            signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
        ),
    ]

    @Test("the signatures of AWS's test suite come out", arguments: suite)
    func vectors(_ vector: Vector) throws {
        let signer = SignatureV4(
            credentials: S3Credentials(
                accessKey: "AKIDEXAMPLE",
                secretKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                sessionToken: Secret(vector.token)
            ),
            region: "us-east-1",
            service: "service"
        )
        var headers: HTTPHeaderList = ["Host": "example.amazonaws.com"]
        for (name, value) in vector.headers { headers.append(name, value) }
        let request = SignatureV4.Request(
            method: "GET",
            path: SignatureV4.encode(vector.path, keepingSlashes: true),
            query: vector.query,
            headers: headers,
            payloadHash: [].sha256Hex
        )
        let time = try Date("2015-08-30T12:36:00Z", strategy: .iso8601)
        let fields = signer.fields(for: request, at: time)
        #expect(fields.last?.value.hasSuffix("Signature=\(vector.signature)") == true)
        #expect(fields.first?.value == "20150830T123600Z")
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method = "GET"
        var path = "/"
        var query: [(String, String)] = []
        var headers: [(String, String)] = []
        var body = ""
        var authorization: String
    }

    static let examples = [
        Example(
            testDescription: "GET Object",
            path: "/test.txt",
            headers: [("Range", "bytes=0-9")],
            authorization: """
                SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41
                """
        ),
        Example(
            testDescription: "PUT Object",
            method: "PUT",
            path: "/test$file.text",
            headers: [
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            body: "Welcome to Amazon S3.",
            authorization: """
                SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, \
                Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd
                """
        ),
        Example(
            testDescription: "GET Bucket Lifecycle",
            query: [("lifecycle", "")],
            authorization: """
                SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
                Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543
                """
        ),
        Example(
            testDescription: "Get Bucket (List Objects)",
            query: [("max-keys", "2"), ("prefix", "J")],
            authorization: """
                SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
                Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7
                """
        ),
    ]

    @Test("the examples of S3's documentation come out", arguments: examples)
    func documented(_ example: Example) throws {
        let signer = SignatureV4(
            credentials: S3Credentials(
                accessKey: "AKIAIOSFODNN7EXAMPLE",
                secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
            ),
            region: "us-east-1"
        )
        let hash = Array(example.body.utf8).sha256Hex
        var headers: HTTPHeaderList = [
            "Host": "examplebucket.s3.amazonaws.com", "x-amz-content-sha256": hash,
        ]
        for (name, value) in example.headers { headers.append(name, value) }
        let request = SignatureV4.Request(
            method: example.method,
            path: SignatureV4.encode(example.path, keepingSlashes: true),
            query: example.query,
            headers: headers,
            payloadHash: hash
        )
        let time = try Date("2013-05-24T00:00:00Z", strategy: .iso8601)
        let fields = signer.fields(for: request, at: time)
        let credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
        #expect(
            fields.last?.value
                == "AWS4-HMAC-SHA256 Credential=\(credential), \(example.authorization)"
        )
    }

    @Test("a key, a query and blanks are encoded as they are sent")
    func encoding() {
        #expect(SignatureV4.encode("a b/+é~=", keepingSlashes: true) == "a%20b/%2B%C3%A9~%3D")
        #expect(SignatureV4.encode("a/b\n") == "a%2Fb%0A")
        #expect(SignatureV4.queryText([("uploads", ""), ("a", "/ ")]) == "a=%2F%20&uploads=")
    }
}
