import ConfigdCore
package import Foundation
package import SharedConfig
import SharedModels

/// Runs policy tests one after the other.
package struct PolicyTestRunner: Sendable {
    private let simulator: Simulator
    private let now: Date

    /// `now` is the time of tests that name none.
    package init(_ simulator: Simulator, now: Date) {
        self.simulator = simulator
        self.now = now
    }

    /// What became of a test.
    package struct Outcome: Sendable {
        package let name: String
        /// `file:line`.
        package let place: String
        /// What is not as expected; nothing: the test has passed.
        package let failures: [String]
        package let duration: Duration
    }

    /// Reads a file of tests. Throws what is wrong with it, each with its line.
    package static func read(
        _ file: ConfigFile
    ) throws(ConfigProblems) -> [(test: PolicyTest, place: String)] {
        let parsed = try file.parse()
        let content = try PolicyTestFile.read(parsed)
        return content.tests.enumerated().map { index, test in
            let line = parsed.origin(of: "tests[\(index)].name") ?? parsed.origin(of: "tests")
            let number = line.map { ":" + $0.replacing("line ", with: "") } ?? ""
            return (test, file.path + number)
        }
    }

    package func run(_ test: PolicyTest, place: String) async -> Outcome {
        let start = ContinuousClock.now
        let expect = test.expect
        // Their form has been checked when the file was read.
        let requests = (expect.allow + expect.deny).compactMap(SimulatedRequest.init)
        let failures: [String]
        do {
            let result = try await simulator.run(test.login.simulated(at: now, requests))
            failures = expect.failures(result)
        } catch {
            failures = ["\(error)"]
        }
        return Outcome(
            name: test.name,
            place: place,
            failures: failures,
            duration: ContinuousClock.now - start
        )
    }
}

extension PolicyTestExpectation {
    /// What of a result is not as expected.
    func failures(_ result: SimulationResult) -> [String] {
        var list: [String] = []
        func check(_ isRight: Bool, _ text: @autoclosure () -> String) {
            if !isRight { list.append(text()) }
        }
        let isAccepted = result.outcome == .accepted
        let why = result.reasons.isEmpty ? "" : " (\(result.reasons.joined(separator: "; ")))"
        switch login {
        case .any: break
        case .accepted: check(isAccepted, "login: is \(result.outcome)\(why)")
        case .refused: check(!isAccepted, "login: is accepted")
        }
        check(code.isEmpty || result.codes.contains(code), "code: \(code) is not in the log")
        let name = result.identity
        check(identity.isEmpty || name == identity, "identity: is \"\(name)\"")
        if let rules {
            let found = result.decision?.rules.map(\.name) ?? []
            check(found == rules, "rules: are \(found)")
        }
        list += configFailures(result)
        let carried = result.carried
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            check(carried.metadata[key]?.value == value, "metadata.\(key): is not as expected")
        }
        for (key, value) in environment.sorted(by: { $0.key < $1.key }) {
            let isRight = carried.environment[key]?.value == value
            check(isRight, "environment.\(key): is not as expected")
        }
        for (path, value) in files.sorted(by: { $0.key < $1.key }) {
            let content = Data(value.utf8).base64EncodedString()
            check(carried.files[path]?.value == content, "files.\(path): is not as expected")
        }
        for path in vetoes {
            check(result.vetoes.contains { $0.path == path }, "vetoes: \(path) is not refused")
        }
        return list + requestFailures(result)
    }

    private func configFailures(_ result: SimulationResult) -> [String] {
        guard config != .map([:]) else { return [] }
        guard let found = result.config else {
            let reasons = result.vetoes.map(\.description) + result.reasons
            return ["config: there is none (\(reasons.joined(separator: "; ")))"]
        }
        do throws(ConfigProblems) {
            return try found.differences(from: config).map { path, expected, found in
                let wanted = expected?.json ?? "nothing"
                return "config.\(path): is \(found?.json ?? "nothing"), not \(wanted)"
            }
        } catch {
            return error.list.map { "config.\($0)" }
        }
    }

    private func requestFailures(_ result: SimulationResult) -> [String] {
        let wanted = allow.map { ($0, true) } + deny.map { ($0, false) }
        guard result.answers.count == wanted.count else {
            return wanted.isEmpty ? [] : ["requests: the login came to nothing"]
        }
        return zip(wanted, result.answers).compactMap { wanted, answer in
            guard answer.isAllowed != wanted.1 else { return nil }
            let code = answer.code.map { " (\($0))" } ?? ""
            return "\(wanted.0): is \(answer.isAllowed ? "allowed" : "refused")\(code)"
        }
    }
}
