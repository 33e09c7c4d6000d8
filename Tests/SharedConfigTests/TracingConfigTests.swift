import SharedConfig
import Testing

@Suite("The section tracing")
struct TracingConfigTests {
    @Test("nothing is traced unless a collector is named")
    func off() throws {
        #expect(try !load("{}").config.tracing.isUsed)
    }

    @Test("every key is read, and the headers are secret")
    func keys() throws {
        let config = try load(
            """
            tracing:
              url: https://collector:4318
              timeout: 3s
              headers: { Authorization: Bearer tok }
              sample: 0.25
              usernames: false
              queue: 100
              batch: 10
              interval: 500ms
            """
        ).config
        let tracing = config.tracing
        #expect(tracing.isUsed && tracing.client.url == "https://collector:4318")
        #expect(tracing.client.timeout == .seconds(3))
        #expect(tracing.headers == ["Authorization": Secret("Bearer tok")])
        #expect(tracing.sample == 0.25 && !tracing.usernames)
        #expect(tracing.queue == 100 && tracing.batch == 10)
        #expect(tracing.interval == .milliseconds(500))
        let dump = try config.dump(showSecrets: false)
        #expect(dump.contains("collector:4318") && !dump.contains("Bearer"))
    }

    @Test(
        "what cannot be is a problem",
        arguments: [
            ("sample: 1.5", "tracing.sample"), ("sample: -0.1", "tracing.sample"),
            ("sample: .nan", "tracing.sample"), ("queue: 0", "tracing.queue"),
            ("batch: 0", "tracing.batch"), ("{queue: 5, batch: 6}", "tracing.batch"),
            ("interval: 1ms", "tracing.interval"), ("timeout: 1ms", "tracing.timeout"),
            ("url: collector:4318", "tracing.url"), ("headers: {\"a b\": x}", "tracing.headers"),
            (#"headers: {a: "x\ny"}"#, "tracing.headers.a"), ("endpoint: x", "tracing.endpoint"),
        ]
    )
    func problems(line: String, path: String) throws {
        let fields = line.hasPrefix("{") ? String(line.dropFirst().dropLast()) : line
        let text = "tracing:\n  url: http://c:4318\n  " + fields.replacing(", ", with: "\n  ")
        let problems = #expect(throws: ConfigProblems.self) {
            try load(line.hasPrefix("url") ? "tracing:\n  " + line : text)
        }
        #expect(problems?.list.map(\.path) == [path])
    }
}
