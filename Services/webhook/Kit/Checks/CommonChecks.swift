import SharedConfig
import SharedHTTP

/// What holds for every endpoint.
enum CommonChecks {
    static func all(_ endpoint: WebhookEndpoint) -> [WebhookCheck] {
        [answers(endpoint)] + odd(endpoint) + broken(endpoint) + repeated(endpoint)
            + [alive(endpoint)]
    }

    private static func answers(_ endpoint: WebhookEndpoint) -> WebhookCheck {
        WebhookCheck(endpoint, "a question about somebody unknown is answered in order") { probe in
            let answer = try await probe.ask(endpoint, Question(endpoint))
            switch endpoint {
            case .session:
                return (200...299).contains(answer.status)
                    ? .passed : .failed("status \(answer.status), not 2xx")
            case .keyboardInteractive where answer.tree?["challenge"] != nil, .config:
                return answer.inOrder
            default: return answer.refused
            }
        }
    }

    /// Questions that a gateway may send.
    private static func odd(_ endpoint: WebhookEndpoint) -> [WebhookCheck] {
        let question = Question(endpoint)
        let big = String(repeating: "0123456789abcdef", count: 1 << 14)
        let cases: [(String, Question)] = [
            ("a name in other scripts", question.with("username", "żółw-🐢-名前-\u{202E}x")),
            (
                "a name with quotes, angle brackets and control characters",
                question.with("username", "a<b>&\"'\\\u{1}\n\u{7F}")
            ),
            (
                "a name of 64 KiB",
                question.with("username", .string(String(repeating: "n", count: 1 << 16)))
            ),
            ("an empty name", question.with("username", "")),
            ("an IPv6 address", question.with("remoteAddress", "[2001:db8::7]:41022")),
            ("a client without a version", question.with("clientVersion", "")),
            (
                "metadata of earlier answers, unicode included",
                question.with("metadata", ["tëam": ["value": "röd\n🟥", "sensitive": true]])
                    .with("environment", ["LANG": ["value": "C.UTF-8", "sensitive": false]])
                    .with("files", ["/etc/motd": ["value": "aGVsbG8K", "sensitive": false]])
            ),
            (
                "256 KiB of metadata",
                question.with("metadata", ["big": ["value": .string(big), "sensitive": false]])
            ),
            (
                "unknown keys, which newer gateways may send",
                question.with("berthTest", ["a": [1, .null, true]])
            ),
        ]
        return cases.map { title, question in
            WebhookCheck(endpoint, "\(title) can be asked about") { probe in
                try await probe.ask(endpoint, question).handled(endpoint)
            }
        }
    }

    /// What no gateway sends, and a stranger may.
    private static func broken(_ endpoint: WebhookEndpoint) -> [WebhookCheck] {
        let question = Question(endpoint)
        let whole = question.body
        let cases: [(String, [UInt8])] = [
            ("a body that is no JSON", Array("<html>{\"success\":true".utf8)),
            ("an empty body", []),
            ("half a body", Array(whole.prefix(whole.count / 2))),
            ("a list", Array("[1,2]".utf8)), ("null", Array("null".utf8)),
            ("bytes that are no UTF-8", [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x3A, 0x31, 0x7D]),
            ("ten thousand nested lists", Array(String(repeating: "[", count: 10_000).utf8)),
            ("a name that is a number", question.with("username", 7).body),
            ("metadata that is a list", question.with("metadata", ["a"]).body),
            ("no name at all", question.with("username", nil).body),
        ]
        return cases.map { title, bytes in
            WebhookCheck(endpoint, "\(title) is rejected, without a status 5xx") { probe in
                try await probe.ask(endpoint, bytes).rejected(endpoint)
            }
        } + [
            WebhookCheck(endpoint, "GET is no question") { probe in
                let reply = try await probe.post(endpoint, [], method: .get)
                let answer = Answer(reply, endpoint)
                guard reply.status == 200 else {
                    let isRefusal = reply.status < 500 || reply.status == 501
                    return isRefusal ? .passed : .failed("status \(reply.status)")
                }
                return answer.isSuccess
                    ? .failed("accepted: \(answer.verdict)") : .warned("answered with status 200")
            }
        ]
    }

    private static func repeated(_ endpoint: WebhookEndpoint) -> [WebhookCheck] {
        [
            WebhookCheck(endpoint, "asked again, as after a lost answer, it says the same") {
                probe in
                let question = Question(endpoint)
                let first = try await probe.ask(endpoint, question).verdict
                let second = try await probe.ask(endpoint, question).verdict
                return first == second ? .passed : .failed("first \(first), then \(second)")
            },
            WebhookCheck(endpoint, "16 questions at the same time are all answered alike") {
                probe in
                let verdicts = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<16 {
                        group.addTask { try await probe.ask(endpoint, Question(endpoint)).verdict }
                    }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                return verdicts.count == 1
                    ? .passed : .failed(verdicts.sorted().joined(separator: "; "))
            },
            WebhookCheck(endpoint, "Expect: 100-continue and gzip make no difference") { probe in
                let reply = try await probe.post(
                    endpoint,
                    Question(endpoint).body,
                    headers: ["Expect": "100-continue", "Content-Type": "text/plain"]
                )
                return Answer(reply, endpoint).handled(endpoint)
            },
        ]
    }

    private static func alive(_ endpoint: WebhookEndpoint) -> WebhookCheck {
        WebhookCheck(endpoint, "after all that it still answers") { probe in
            try await probe.ask(endpoint, Question(endpoint)).handled(endpoint)
        }
    }
}
