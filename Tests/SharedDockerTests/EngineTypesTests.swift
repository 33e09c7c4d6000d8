import Foundation
import SharedMessages
import Testing

@testable import SharedDocker

@Suite("Names, addresses and pulls of an engine")
struct EngineTypesTests {
    @Test(
        "an image's name is made whole for a pull",
        arguments: [
            ("busybox", "docker.io/library/busybox", "latest"),
            ("busybox:1.36", "docker.io/library/busybox", "1.36"),
            ("me/tool", "docker.io/me/tool", "latest"),
            ("localhost/tool:x", "localhost/tool", "x"),
            ("registry:5000/a/b", "registry:5000/a/b", "latest"),
            ("ghcr.io/a/b:v1", "ghcr.io/a/b", "v1"),
            ("a@sha256:00ff", "docker.io/library/a", "sha256:00ff"),
            ("r.io/a:1@sha256:00", "r.io/a", "sha256:00"),
        ]
    )
    func images(_ text: String, _ name: String, _ tag: String) {
        let image = ImageReference(text)
        #expect(image.name == name)
        #expect(image.tag == tag)
    }

    @Test(
        "an address becomes a URL",
        arguments: [
            ("unix:///run/d.sock", false, "unix:///run/d.sock"),
            ("tcp://host", false, "http://host:2375"), ("tcp://host", true, "https://host:2376"),
            ("http://10.0.0.1:99", false, "http://10.0.0.1:99"),
            ("https://h:1/", false, "https://h:1"),
            ("tcp://[::1]:2375", false, "http://[::1]:2375"),
        ]
    )
    func addresses(_ text: String, _ hasCertificate: Bool, _ url: String) throws {
        #expect(try EngineAddress(text, hasCertificate: hasCertificate).url == url)
    }

    @Test(
        "an address that is none is refused",
        arguments: [
            "127.0.0.1:2375", "npipe:////./pipe/x", "tcp://", "tcp://h:0", "tcp://h:x", "unix://x",
            "",
        ]
    )
    func badAddress(_ text: String) {
        let error = #expect(throws: CodedError.self) {
            try EngineAddress(text, hasCertificate: false)
        }
        #expect(error?.code == .dockerConfigError)
    }

    @Test("names are encoded wherever they stand in a path")
    func paths() {
        let name = "a/b c?#%é"
        let path: EnginePath = "/images/\(name)/json?n=\(7)"
        #expect(path.text == "/images/a%2Fb%20c%3F%23%25%C3%A9/json?n=7")
    }

    @Test("versions compare by number")
    func versions() {
        #expect(
            EngineVersion("1.9").flatMap { nine in EngineVersion("1.41").map { nine < $0 } } == true
        )
        #expect(EngineVersion("1") == nil)
        #expect(EngineVersion("1.x") == nil)
        #expect(EngineVersion("-1.2") == nil)
    }

    @Test("credentials travel in URL-safe base64")
    func credentials() throws {
        let password = "???>>>~~~ÿÿÿ"
        let header = try RegistryCredentials(username: "u", password: password).header()
        #expect(!header.contains("+") && !header.contains("/"))
        let standard = header.replacing("-", with: "+").replacing("_", with: "/")
        let data = try #require(Data(base64Encoded: standard))
        let back = try JSONDecoder().decode([String: String].self, from: data)
        #expect(back == ["username": "u", "password": password])
    }

    @Test("a pull's events are found however the bytes are cut", arguments: 1...20)
    func pull(_ size: Int) throws {
        let text = #"{"status":"Pulling","id":"a"}"# + "\r\n" + #"{"status":"done"}"#
        var lines = PullLines()
        var events: [PullEvent] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            events += try lines.take(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        events += try lines.finish()
        #expect(events.map(\.status) == ["Pulling", "done"])
        #expect(events.first?.id == "a")
    }

    @Test("an error inside a pull's stream is an error")
    func pullError() {
        var lines = PullLines()
        #expect(throws: EngineRefusal(status: 200, message: "denied")) {
            try lines.take(Array(#"{"error":"denied","errorDetail":{"message":"denied"}}"#.utf8))
                + lines.finish()
        }
    }

    @Test("nonsense inside a pull's stream is an error, an endless line too")
    func pullNonsense() {
        #expect(throws: EngineRefusal.self) {
            var lines = PullLines()
            _ = try lines.take(Array("[1]\n".utf8))
        }
        #expect(throws: EngineRefusal.self) {
            var lines = PullLines()
            for _ in 0..<20 { _ = try lines.take([UInt8](repeating: 0x20, count: 100_000)) }
        }
    }
}
