import Logging
import SharedConfig
import SharedMessages
import Testing

@testable import SharedLogging

/// 2026-05-08T07:11:55Z
let sampleTime = 1_778_224_315

let sample = LogRecord(
    time: sampleTime,
    level: .info,
    code: "SSH_AUTH_FAILED",
    message: "Password attempt of user bob was refused.",
    labels: [
        "connectionId": "5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f", "method": "password",
        "module": "ssh", "remoteAddr": "203.0.113.7", "username": "bob",
    ]
)

func record(_ message: String = "m", _ labels: Logger.Metadata = [:]) -> LogRecord {
    LogRecord(time: 0, level: .notice, code: "TEST", message: message, labels: labels)
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("Log formats")
struct LogFormatTests {
    @Test("ljson is the documented line, byte for byte")
    func documentedLine() {
        #expect(
            text(LogFormat.ljson.line(sample, offset: 7200))
                == #"{"timestamp":"2026-05-08T09:11:55+02:00","level":"info","code":"SSH_AUTH_FAILED","#
                + #""message":"Password attempt of user bob was refused.","details":{"#
                + #""connectionId":"5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f","method":"password","#
                + #""module":"ssh","remoteAddr":"203.0.113.7","username":"bob"}}"# + "\n"
        )
    }

    @Test("ljson writes empty details rather than none")
    func emptyDetails() {
        #expect(
            text(LogFormat.ljson.line(record(), offset: 0)).hasSuffix(#","details":{}}"# + "\n")
        )
    }

    @Test(
        "a label keeps its JSON type",
        arguments: [
            (.string("a"), #""a""#),
            (.stringConvertible(3), "3"),
            (.stringConvertible(UInt64.max), "18446744073709551615"),
            (.stringConvertible(-1.5), "-1.5"),
            (.stringConvertible(Double.nan), #""nan""#),
            (.stringConvertible(true), "true"),
            (.stringConvertible(Duration.seconds(2)), #""2.0 seconds""#),
            (.array(["x", .stringConvertible(1)]), #"["x",1]"#),
            (.array([]), "[]"),
            (.dictionary(["b": "2", "a": [:]]), #"{"a":{},"b":"2"}"#),
        ] as [(Logger.MetadataValue, String)]
    )
    func labelTypes(value: Logger.MetadataValue, json: String) {
        let line = text(LogFormat.ljson.line(record("m", ["l": value]), offset: 0))
        #expect(line.hasSuffix(#""details":{"l":\#(json)}}"# + "\n"))
    }

    @Test(
        "ljson escapes what breaks lines, pages and terminals",
        arguments: [
            ("a\"b\\c", #"a\"b\\c"#), ("\n\r\t", #"\n\r\t"#), ("<&>", #"\u003c\u0026\u003e"#),
            ("\u{0}\u{1B}[31m", #"\u0000\u001b[31m"#), ("\u{9B}\u{7F}", #"\u009b\u007f"#),
            ("\u{2028}\u{2029}", #"\u2028\u2029"#), ("ä💥", "ä💥"), ("\r\n", #"\r\n"#),
        ]
    )
    func escapes(raw: String, escaped: String) {
        let line = text(LogFormat.ljson.line(record(raw, [raw: "\(raw)"]), offset: 0))
        #expect(line.contains(#""message":"\#(escaped)","details":{"\#(escaped)":"\#(escaped)"}"#))
    }

    @Test("text is time, level and message between tabs, then the labels by name")
    func textLine() {
        let record = LogRecord(
            time: sampleTime,
            level: .warning,
            code: "TEST",
            message: "It happened.",
            labels: ["b": .stringConvertible(3), "a": "x"]
        )
        #expect(
            text(LogFormat.text.line(record, offset: 0))
                == "2026-05-08T07:11:55Z\twarning\tIt happened. (a=x b=3)\n"
        )
    }

    @Test("text without labels has no brackets and no empty line")
    func textWithoutLabels() {
        #expect(
            text(LogFormat.text.line(record(), offset: 0)) == "1970-01-01T00:00:00Z\tnotice\tm\n"
        )
    }

    @Test(
        "no input makes two lines of one record, in any format",
        arguments: LogFormat.allCases,
        ["\n", "\r\n", "a\u{0B}\u{0C}\u{85}b", "\u{2028}", "\u{1B}[2J", "\u{0}"]
    )
    func oneLine(format: LogFormat, hostile: String) {
        let invalid = String(decoding: [0xFF, 0x0A, 0xC3, 0x28] as [UInt8], as: UTF8.self)
        let record = record(hostile + invalid, [hostile: "\(hostile)", "x": "\(invalid)"])
        let bytes = format.line(record, offset: 0)
        #expect(bytes.dropLast().allSatisfy { $0 >= 0x20 || $0 == 0x09 })
        #expect(bytes.last == 0x0A)
        #expect(!format.payload(record).contains(0x0A))
    }

    @Test(
        "the zone is written as RFC 3339 wants it",
        arguments: [
            (0, "Z"), (7200, "+02:00"), (-12_600, "-03:30"), (20_700, "+05:45"), (-60, "-00:01"),
        ]
    )
    func zones(offset: Int, zone: String) {
        #expect(LogTime.rfc3339(sampleTime, offset: offset).dropFirst(19) == zone)
    }
}

@Suite("Syslog lines")
struct SyslogLineTests {
    @Test("a line is priority, month, padded day, time, tag and payload")
    func line() {
        let settings = SyslogSettings(facility: .auth, tag: "ContainerSSH")
        #expect(
            text(settings.line(record("Hello.", ["a": "b"]), format: .text, offset: 0))
                == "<37>Jan  1 00:00:00 ContainerSSH: Hello. (a=b)\n"
        )
    }

    @Test("the process id stands in brackets behind the tag when asked for")
    func processID() {
        let settings = SyslogSettings(facility: .local7, tag: "berth", processID: 42)
        #expect(
            text(settings.line(sample, format: .ljson, offset: 0)).hasPrefix(
                #"<190>May  8 07:11:55 berth[42]: {"code":"SSH_AUTH_FAILED","message":"Password"#
            )
        )
    }

    @Test("an ljson payload has code, message and details only")
    func payload() {
        #expect(
            text(LogFormat.ljson.payload(record("m", ["a": "b"])))
                == #"{"code":"TEST","message":"m","details":{"a":"b"}}"#
        )
    }

    @Test(
        "every month has its own name",
        arguments: zip(
            0..<12,
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        )
    )
    func months(index: Int, name: String) {
        #expect(LogTime.syslog(index * 2_630_000 + 86_400, offset: 0).hasPrefix(name + " "))
    }

    @Test("a tag cannot break the line")
    func hostileTag() {
        let line = SyslogSettings(tag: "a\nb").line(record(), format: .text, offset: 0)
        #expect(line.firstIndex(of: 0x0A) == line.indices.last)
    }
}
