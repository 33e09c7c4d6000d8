import AuthClient
import Foundation
import SharedModels
import Testing

@Suite("The body of an answer")
struct AuthResponseBodyTests {
    private func read(_ json: String) throws -> AuthResponse {
        try JSONDecoder().decode(AuthResponseBody.self, from: Data(json.utf8)).response
    }

    @Test(
        "needs nothing but a verdict, and not even that",
        arguments: [
            (#"{"success":true}"#, true), (#"{"success":false}"#, false), ("{}", false),
            (#"{"success":null}"#, false), (#"{"Success":true}"#, true),
        ]
    )
    func minimal(_ json: String, _ success: Bool) throws {
        #expect(try read(json) == AuthResponse(success: success))
    }

    @Test("may echo the question in any form and hold unknown keys")
    func echo() throws {
        let json = """
            {"remoteAddress":"<nil>:0","connectionId":"","clientVersion":7,"username":null,
            "sessionId":"x","error":{"deep":[1]},"authenticatedUsername":"alice","success":true,
            "metadata":{"a":{"value":"b"}},"environment":null,
            "files":{"/f":{"value":"aGk=","sensitive":true}}}
            """
        let expected = AuthResponse(
            success: true,
            authenticatedUsername: "alice",
            carried: ConnectionMetadata(
                metadata: ["a": MetadataValue("b")],
                files: ["/f": BinaryMetadataValue(base64: "aGk=", sensitive: true)]
            )
        )
        #expect(try read(json) == expected)
    }

    @Test("an empty name is no name")
    func emptyName() throws {
        let json = #"{"success":true,"authenticatedUsername":""}"#
        #expect(try read(json).authenticatedUsername == nil)
    }

    @Test(
        "that lies about types is not read",
        arguments: [
            #"{"success":"true"}"#, #"{"success":1}"#, "[]", "true", "", #"{"success":true"#,
            #"{"success":true,"metadata":[]}"#, #"{"success":true,"metadata":{"a":"b"}}"#,
            #"{"success":true,"files":{"/f":{"value":"no base64!"}}}"#,
            #"{"success":true,"authenticatedUsername":{"a":1}}"#,
        ]
    )
    func hostile(_ json: String) {
        #expect(throws: DecodingError.self) { try read(json) }
    }

    @Test("leaves out what is empty and reads back as it was")
    func writing() throws {
        let bare = try JSONEncoder().encode(AuthResponseBody(AuthResponse(success: false)))
        #expect(String(decoding: bare, as: UTF8.self) == #"{"success":false}"#)
        let full = AuthResponse(
            success: true,
            authenticatedUsername: "a",
            carried: ConnectionMetadata(environment: ["K": MetadataValue("v", sensitive: true)])
        )
        let data = try JSONEncoder().encode(AuthResponseBody(full))
        #expect(try read(String(decoding: data, as: UTF8.self)) == full)
    }
}
