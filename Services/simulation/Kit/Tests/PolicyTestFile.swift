import Foundation
package import SharedConfig
import SharedModels

/// A file of policy tests.
package struct PolicyTestFile: ConfigSection {
    package var tests: [PolicyTest] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.sections("tests", &tests)
    }
}

/// One login, and what is expected of it.
package struct PolicyTest: ConfigSection {
    package var name = ""
    package var login = PolicyTestLogin()
    package var expect = PolicyTestExpectation()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("name", &name)
        visitor.section("login", &login)
        visitor.section("expect", &expect)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        name.isEmpty ? [ConfigProblem("\(path).name", "must be set")] : []
    }
}

/// Who comes, as the auth webhook would describe them.
package struct PolicyTestLogin: ConfigSection {
    /// The name that is typed.
    package var user = ""
    package var address = "192.0.2.1"
    package var country = ""
    /// As in RFC 3339; empty: now.
    package var time = ""
    /// The verified identity; empty: the name that is typed.
    package var identity = ""
    package var metadata: [String: String] = [:]
    /// What the credential forces.
    package var forceCommand = ""

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("user", &user)
        visitor.field("address", &address)
        visitor.field("country", &country)
        visitor.field("time", &time)
        visitor.field("identity", &identity)
        visitor.field("metadata", &metadata)
        visitor.field("forceCommand", &forceCommand)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list: [ConfigProblem] = []
        if user.isEmpty { list.append(ConfigProblem("\(path).user", "must be set")) }
        if IPAddress(address) == nil {
            list.append(ConfigProblem("\(path).address", value: address, "must be an IP address"))
        }
        if !time.isEmpty, date == nil {
            let rule = "must be a time such as 2026-01-07T12:00:00Z"
            list.append(ConfigProblem("\(path).time", value: time, rule))
        }
        return list
    }

    private var date: Date? { try? Date(time, strategy: .iso8601) }  // no time is no date

    func simulated(at now: Date, _ requests: [SimulatedRequest]) -> SimulatedLogin {
        let carried = ConnectionMetadata(metadata: metadata.mapValues { MetadataValue($0) })
        let restrictions =
            forceCommand.isEmpty ? nil : CredentialRestrictions(forceCommand: forceCommand)
        return SimulatedLogin(
            username: user,
            address: address,
            credential: .assumed(
                AssumedIdentity(name: identity, carried: carried, restrictions: restrictions)
            ),
            country: country,
            date: date ?? now,
            requests: requests
        )
    }
}

/// What is expected; whatever is not named may be anything.
package struct PolicyTestExpectation: ConfigSection {
    package enum Login: String, ConfigChoice {
        case any = ""
        case accepted
        case refused
    }

    package var login = Login.any
    /// A message code that is in the log.
    package var code = ""
    package var identity = ""
    /// The names of all rules that fit, in the order in which they are laid over each other.
    package var rules: [String]? = nil
    package var config = ConfigTree.map([:])
    package var metadata: [String: String] = [:]
    package var environment: [String: String] = [:]
    /// Path to content.
    package var files: [String: String] = [:]
    /// Requests that are allowed, as `SimulatedRequest` reads them.
    package var allow: [String] = []
    package var deny: [String] = []
    /// Key paths that break a rule or cross the floor.
    package var vetoes: [String] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("login", &login)
        visitor.field("code", &code)
        visitor.field("identity", &identity)
        var rules = rules ?? []
        visitor.field("rules", &rules)
        self.rules = rules.isEmpty ? nil : rules
        visitor.field("config", &config)
        visitor.field("metadata", &metadata)
        visitor.field("environment", &environment)
        visitor.field("files", &files)
        visitor.field("allow", &allow)
        visitor.field("deny", &deny)
        visitor.field("vetoes", &vetoes)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list: [ConfigProblem] = []
        for (key, requests) in [("allow", allow), ("deny", deny)] {
            for (index, text) in requests.enumerated() where SimulatedRequest(text) == nil {
                let rule = "must be a request such as exec ls, shell or subsystem sftp"
                list.append(ConfigProblem("\(path).\(key)[\(index)]", value: text, rule))
            }
        }
        let isNothing = PolicyTestExpectation() == self
        if isNothing { list.append(ConfigProblem(path, "must expect something")) }
        return list
    }
}
