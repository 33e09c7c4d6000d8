import Logging
import Testing

@testable import SharedLogging

@Suite("Redaction")
struct RedactionTests {
    @Test(
        "a label that sounds secret is masked",
        arguments: ["password", "clientSecret", "accessToken", "Authorization", "privateKey"]
    )
    func secretNames(name: String) {
        #expect(Redaction.masked([name: "hunter2"]) == [name: "***"])
        #expect(Redaction.masked(["a": [name: "hunter2"]]) == ["a": [name: "***"]])
    }

    @Test("other labels stay as they are, with their type")
    func ordinaryLabels() {
        let labels: Logger.Metadata = [
            "method": "password", "n": .stringConvertible(3), "l": ["x", "a@b"],
        ]
        #expect(Redaction.masked(labels) == labels)
    }

    @Test(
        "the user part of a URL is masked",
        arguments: [
            ("https://me:pw@host/p", "https://***@host/p"),
            ("see http://x@h and http://y:z@h", "see http://***@h and http://***@h"),
            ("https://host/@a", "https://host/@a"),
            ("mail a@b", "mail a@b"),
        ]
    )
    func urls(text: String, masked: String) {
        #expect(Redaction.masked(text) == masked)
        #expect(Redaction.masked(["url": "\(text)"]) == ["url": "\(masked)"])
    }
}
