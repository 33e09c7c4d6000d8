package import SharedConfig

/// What a mock webhook says, as a YAML file describes it.
///
/// The first reply that fits a request answers it; a request that none fits gets status 404.
package struct MockScript: ConfigSection {
    package var replies: [Reply] = []

    /// One kind of answer, and when it is given.
    package struct Reply: ConfigSection {
        /// The path it is for; empty for any.
        package var path = ""
        /// The login name it is for; empty for any. A pattern as in `TextPattern`.
        package var user = ""
        /// The verified identity it is for, with `/authz` and `/config`; empty for any.
        package var identity = ""
        /// The password it is for, in clear; empty for any.
        package var password = ""
        /// The public key it is for, `type base64`; empty for any.
        package var publicKey = ""
        /// The certificate it is for, `type base64`; empty for any.
        package var certificate = ""
        /// The state of a conversation it is for; `-` for its beginning, empty for any.
        package var state = ""
        /// The answers of a conversation it is for, in clear; empty for any.
        package var answers: [String] = []
        /// After how many fitting requests it is used up; 0: never.
        package var times = 0
        /// Only each so many-th fitting request; 1: each.
        package var every = 1

        /// The status of the answer, 200...599.
        package var status = 200
        package var headers: [String: String] = [:]
        /// The body as JSON; `${username}` in a text becomes the login name.
        package var json: ConfigTree = .null
        /// The body as text; counts if `json` is not set.
        package var body = ""
        /// How long the answer takes.
        package var delay: Duration = .zero
        /// Whether the connection breaks off in the middle of the body.
        package var cut = false

        package init() {}

        package mutating func visit(_ visitor: inout some ConfigVisitor) {
            visitor.field("path", &path)
            visitor.field("user", &user)
            visitor.field("identity", &identity)
            visitor.field("password", &password)
            visitor.field("publicKey", &publicKey)
            visitor.field("certificate", &certificate)
            visitor.field("state", &state)
            visitor.field("answers", &answers)
            visitor.field("times", &times)
            visitor.field("every", &every)
            visitor.field("status", &status)
            visitor.field("headers", &headers)
            visitor.field("json", &json)
            visitor.field("body", &body)
            visitor.field("delay", &delay)
            visitor.field("cut", &cut)
        }

        package func problems(at path: String) -> [ConfigProblem] {
            var problems: [ConfigProblem] = []
            func check(_ holds: Bool, _ key: String, _ value: String, _ rule: String) {
                guard !holds else { return }
                problems.append(ConfigProblem("\(path).\(key)", value: value, rule))
            }
            check((200...599).contains(status), "status", "\(status)", "must be 200...599")
            check(times >= 0, "times", "\(times)", "must be at least 0")
            check(every >= 1, "every", "\(every)", "must be at least 1")
            check(delay >= .zero, "delay", delay.goText, "must be at least 0s")
            check((try? TextPattern(user)) != nil, "user", user, "is no pattern")
            return problems
        }
    }

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.sections("replies", &replies)
    }
}

extension MockScript.Reply {
    /// No, whatever was asked.
    package static var refusal: MockScript.Reply {
        var reply = MockScript.Reply()
        reply.json = ["success": false]
        return reply
    }
}
