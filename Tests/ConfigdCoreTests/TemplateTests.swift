import ConfigClient
import Testing

@testable import ConfigdCore

@Suite("Templates")
struct TemplateTests {
    @Test(
        "variables are filled in",
        arguments: [
            ("plain $ {x}", "plain $ {x}"), ("/home/${username}", "/home/dev"),
            ("${authenticatedUsername}:${metadata.team}", "alice:red"),
            ("${remoteAddress}", "203.0.113.7"),
            ("${connectionId}", "5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f"),
            ("$${username}", "${username}"), ("$$${username}", "$${username}"),
            ("a$${x}b${username}", "a${x}bdev"), ("${raw.metadata.name}", "Jane Doe/.."),
        ]
    )
    func fills(text: String, result: String) throws {
        let request = question(metadata: ["team": "red", "name": "Jane Doe/.."])
        #expect(try Template(text).render(request) == result)
    }

    @Test(
        "unknown and unfinished variables are refused when they are read",
        arguments: [
            ("${user}", TemplateError.unknown("user")), ("${", .unclosed),
            ("${username", .unclosed),
            ("${}", .unknown("")), ("${metadata.}", .unknown("metadata.")),
            ("${raw.}", .unknown("")),
        ]
    )
    func malformed(text: String, error: TemplateError) {
        #expect(throws: error) { try Template(text) }
    }

    @Test(
        "a value that is no plain name is refused",
        arguments: ["..", ".", "", "a/b", "../x", "a:b", "a b", "a\nb", "a,b", "$(x)", "a\0"]
    )
    func hostile(name: String) throws {
        let template = try Template("/srv/${username}")
        #expect(throws: TemplateError.unsafe("username")) {
            try template.render(question(user: name))
        }
    }

    @Test("what the connection does not have is missed by name")
    func missing() throws {
        #expect(throws: TemplateError.missing("metadata.team")) {
            try Template("${metadata.team}").render(question())
        }
        #expect(throws: TemplateError.missing("authenticatedUsername")) {
            try Template("${authenticatedUsername}").render(question(authenticated: ""))
        }
    }

    @Test("an IPv6 address may be used as it is")
    func ipv6() throws {
        let request = question(address: "[2001:db8::7]:1")
        #expect(try Template("${remoteAddress}").render(request) == "2001:db8::7")
    }
}
