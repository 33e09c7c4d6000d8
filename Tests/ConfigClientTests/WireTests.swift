import ConfigClient
import SharedConfig
import SharedModels
import Testing

@Suite("Wire form of the config webhook")
struct WireTests {
    private let head = AuthRequestHead(
        remoteAddress: "[2001:db8::7]:41022",
        connectionID: "5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f",
        clientVersion: "SSH-2.0-OpenSSH_9.6",
        username: "root"
    )

    private func response(
        _ json: String,
        emptyValues: ConfigServerConfig.EmptyValues = .auto
    ) throws -> ConfigResponse {
        try ConfigResponse(
            JSONTree.parse(Array(json.utf8)).tree,
            emptyValues: emptyValues
        )
    }

    @Test("a question without metadata has exactly the fields of the contract")
    func minimal() {
        let json = ConfigRequest(head: head).tree.json
        #expect(
            json == """
                {"clientVersion":"SSH-2.0-OpenSSH_9.6",\
                "connectionId":"5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f",\
                "remoteAddress":"[2001:db8::7]:41022","username":"root"}
                """
        )
    }

    @Test("the reference's question is read and written back")
    func sample() throws {
        let text = """
            {"authenticatedUsername":"alice","clientVersion":"SSH-2.0-OpenSSH_9.6",\
            "connectionId":"5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f",\
            "environment":{"LANG":{"sensitive":false,"value":"C.UTF-8"}},\
            "files":{"/etc/motd":{"sensitive":false,"value":"aGVsbG8K"}},\
            "metadata":{"team":{"sensitive":true,"value":"red"}},\
            "remoteAddress":"203.0.113.7:41022","username":"root"}
            """
        let request = try ConfigRequest(JSONTree.parse(Array(text.utf8)).tree)
        #expect(request.authenticatedUsername == "alice")
        #expect(request.head.carried.environment["LANG"] == MetadataValue("C.UTF-8"))
        #expect(request.head.carried.files["/etc/motd"] == BinaryMetadataValue(base64: "aGVsbG8K"))
        #expect(request.head.carried.metadata["team"]?.sensitive == true)
        #expect(request.tree.json == text)
    }

    @Test(
        "a question that cannot be one is refused",
        arguments: [
            "[]", "{}", #"{"username":5}"#, #"{"username":"a","metadata":{"x":1}}"#,
            #"{"username":"a","files":{"/x":{"value":"%%%"}}}"#,
            #"{"username":"a","metadata":{"x":{"value":"y","sensitive":"no"}}}"#,
        ]
    )
    func malformedQuestions(json: String) throws {
        let tree = try JSONTree.parse(Array(json.utf8)).tree
        #expect(throws: ConfigProblems.self) { try ConfigRequest(tree) }
    }

    @Test(
        "an empty reply means no change",
        arguments: ["{}", "null", #"{"config":null}"#]
    )
    func emptyReplies(json: String) throws {
        #expect(try response(json) == ConfigResponse())
    }

    @Test("unknown fields of a reply are ignored, and the case of names does not matter")
    func lenient() throws {
        let reply = try response(
            """
            {"success":true,"sessionId":"x","Config":{"backend":"docker"},"AuthenticatedUsername":"bob",
             "remoteAddress":"","environment":{"A":{"value":"b"}}}
            """
        )
        #expect(reply.config == ["backend": "docker"])
        #expect(reply.authenticatedUsername == "bob")
        #expect(reply.carried.environment == ["A": MetadataValue("b")])
    }

    @Test(
        "a reply with a field of the wrong type is refused",
        arguments: [#"{"config":[]}"#, #"{"authenticatedUsername":1}"#, "5", #"{"metadata":"x"}"#]
    )
    func malformedReplies(json: String) {
        #expect(throws: ConfigProblems.self) { try response(json) }
    }

    @Test("empty values of a server that cannot leave keys out change nothing")
    func emptyValues() throws {
        let config =
            #"{"backend":"","log":{"level":"emerg"},"docker":{"execution":{"disableAgent":false,"mode":"session"}}}"#
        let foreign = #"{"remoteAddress":"<nil>:0","connectionId":"","config":"# + config + "}"
        #expect(try response(foreign).config == ["docker": ["execution": ["mode": "session"]]])
        #expect(try response(foreign, emptyValues: .apply).config["backend"] == "")
        let own = #"{"config":"# + config + "}"
        #expect(try response(own).config["backend"] == "")
        #expect(try response(own, emptyValues: .ignore).config["backend"] == nil)
    }

    @Test("a reply that is written reads back the same")
    func roundTrip() throws {
        let reply = ConfigResponse(
            config: ["security": ["maxSessions": 0]],
            carried: ConnectionMetadata(
                metadata: ["a": MetadataValue("\"\n", sensitive: true)],
                files: ["/x": BinaryMetadataValue(base64: "aGk=")]
            ),
            authenticatedUsername: "eve"
        )
        #expect(try response(reply.tree.json) == reply)
    }
}
