import Testing

@testable import AuditdCore

@Suite struct XMLElementTests {
    @Test("elements, text, references and CDATA are read; what is beside them is skipped")
    func document() throws {
        let text = """
            \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
            <!-- a > b -->
            <s3:Result xmlns:s3="http://x/" a='>'>
              <Key>a&amp;b&lt;&#233;&#x20AC;<![CDATA[<&>]]></Key>
              <Empty/><Part><Number>1</Number></Part><Part><Number>2</Number></Part>
            </s3:Result>

            """
        let root = try XMLElement(Array(text.utf8))
        #expect(root.name == "Result")
        #expect(root["Key"] == "a&b<é€<&>")
        #expect(root["Empty"] == "" && root["None"] == nil)
        #expect(root.all("Part").map { $0["Number"] } == ["1", "2"])
    }

    @Test(
        "what is not well formed, or more than S3 ever says, is refused",
        arguments: [
            "", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&x;</a>", "<a>&#xD800;</a>",
            "<a>&amp</a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a b>", "<a b=c/>", "<a b='c/>",
            "<a><![CDATA[",
            "<a><!--", "<?xml", "< a/>", "<a/>x", "<a>&#99999999999;</a>",
            String(repeating: "<a>", count: 20) + String(repeating: "</a>", count: 20),
            "<a>" + String(repeating: "<b/>", count: 100_001) + "</a>",
        ]
    )
    func malformed(_ text: String) {
        #expect(throws: XMLElement.Malformed.self) { try XMLElement(Array(text.utf8)) }
    }

    @Test("no bytes make it trap", arguments: 0..<20)
    func noise(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let good = Array("<?xml?><a b='c'>d&amp;<e/><![CDATA[f]]><!--g--></a>".utf8)
        for _ in 0..<200 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    Bool.random(using: &random)
                    ? .random(in: 0...255, using: &random)
                    : good[Int.random(in: 0..<good.count, using: &random)]
            }
            _ = try? XMLElement(Array(bytes.prefix(.random(in: 0...bytes.count, using: &random))))
        }
    }

    @Test("text is escaped so that it comes back")
    func escaped() throws {
        let text = "\"a'b<c>d&e\""
        #expect(try XMLElement(Array("<a>\(text.xmlEscaped)</a>".utf8)).text == text)
    }

    @Test("times of HTTP are read, others are not")
    func dates() {
        #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.parse("Thu, 29 Feb 2024 23:59:59 GMT") == 1_709_251_199)
        #expect(HTTPDate.parse("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        for text in [
            "", "Sunday", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            #expect(HTTPDate.parse(text) == nil)
        }
    }
}
