import Foundation
import SharedConfig
import SharedMessages
import SharedModels

/// The options that stand before a key in `authorized_keys` (sshd(8)).
///
/// Those that cannot be heeded here are refused when the key is added, so that nobody relies on
/// them: `cert-authority`, `principals`, `permitopen`, `permitlisten`, `tunnel` and host names in
/// `from`.
struct KeyOptions: Sendable, Hashable {
    private(set) var restrictions = CredentialRestrictions()
    private(set) var environment: [String: String] = [:]
    /// `nil` for any address.
    private var sources: [SourcePattern]?
    /// Seconds since 1970.
    private var expiry: Int?

    /// Throws `AUTHD_KEY_INVALID` with what is wrong.
    init(_ text: String) throws(CodedError) {
        for option in try Self.split(text) { try apply(option.name, option.value) }
    }

    /// Whether a client at `address` may use the key now.
    func refusal(address: String, at now: Int) -> String? {
        if let expiry, now >= expiry { return "key has expired" }
        guard let sources else { return nil }
        let matches = sources.filter { $0.matches(address) }
        let isAllowed = !matches.isEmpty && matches.allSatisfy { !$0.isNegated }
        return isAllowed ? nil : "key is not for this address"
    }

    private mutating func apply(_ name: String, _ value: String?) throws(CodedError) {
        switch (name.lowercased(), value) {
        case ("restrict", nil):
            restrictions.permitPty = false
            restrictions.permitPortForwarding = false
            restrictions.permitAgentForwarding = false
            restrictions.permitX11Forwarding = false
        case ("pty", nil): restrictions.permitPty = true
        case ("no-pty", nil): restrictions.permitPty = false
        case ("port-forwarding", nil): restrictions.permitPortForwarding = true
        case ("no-port-forwarding", nil): restrictions.permitPortForwarding = false
        case ("agent-forwarding", nil): restrictions.permitAgentForwarding = true
        case ("no-agent-forwarding", nil): restrictions.permitAgentForwarding = false
        case ("x11-forwarding", nil): restrictions.permitX11Forwarding = true
        case ("no-x11-forwarding", nil): restrictions.permitX11Forwarding = false
        // No workspace runs ~/.ssh/rc by itself.
        case ("user-rc", nil), ("no-user-rc", nil): break
        case ("verify-required", nil): restrictions.verifyRequired = true
        case ("command", let command?) where restrictions.forceCommand == nil && !command.isEmpty:
            restrictions.forceCommand = command
        case ("expiry-time", let time?): expiry = try Self.seconds(time)
        case ("from", let list?) where sources == nil: sources = try SourcePattern.list(list)
        case ("environment", let pair?):
            guard let sign = pair.firstIndex(of: "="), sign > pair.startIndex else {
                throw Self.invalid("environment=\"\(pair)\"")
            }
            environment[String(pair[..<sign])] = String(pair[pair.index(after: sign)...])
        default: throw Self.invalid(name)
        }
    }

    fileprivate static func invalid(_ option: String) -> CodedError {
        CodedError(.authdKeyInvalid, detail: "option \(option.prefix(100))")
    }

    /// `name`, or `name="value"` in which `\"` stands for a quotation mark.
    private static func split(_ text: String) throws(CodedError) -> [(name: String, value: String?)]
    {
        var options: [(name: String, value: String?)] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            let name = rest.prefix { $0 != "," && $0 != "=" }
            guard !name.isEmpty else { throw invalid(text) }
            rest = rest.dropFirst(name.count)
            var value: String?
            if rest.first == "=" {
                rest = rest.dropFirst()
                guard rest.first == "\"" else { throw invalid(String(name)) }
                rest = rest.dropFirst()
                var content = ""
                while let character = rest.popFirst(), character != "\"" {
                    if character == "\\", rest.first == "\"" {
                        rest.removeFirst(); content += "\""
                    } else {
                        content.append(character)
                    }
                }
                value = content
            }
            options.append((String(name), value))
            guard !rest.isEmpty else { break }
            guard rest.removeFirst() == ",", !rest.isEmpty else { throw invalid(String(name)) }
        }
        return options
    }

    /// `YYYYMMDD` or `YYYYMMDDHHMM[SS]` in the time of the machine, in UTC with a `Z` behind it.
    private static func seconds(_ text: String) throws(CodedError) -> Int {
        let isUTC = text.hasSuffix("Z")
        let digits = Array(text.utf8.dropLast(isUTC ? 1 : 0)).map { Int($0) - 0x30 }
        guard [8, 12, 14].contains(digits.count), digits.allSatisfy((0...9).contains) else {
            throw invalid("expiry-time")
        }
        func number(_ range: Range<Int>) -> Int {
            range.upperBound <= digits.count ? digits[range].reduce(0) { $0 * 10 + $1 } : 0
        }
        var calendar = Calendar(identifier: .gregorian)
        if isUTC { calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .current }
        let parts = DateComponents(
            calendar: calendar,
            year: number(0..<4),
            month: number(4..<6),
            day: number(6..<8),
            hour: number(8..<10),
            minute: number(10..<12),
            second: number(12..<14)
        )
        guard parts.isValidDate, let date = parts.date else { throw invalid("expiry-time") }
        return Int(date.timeIntervalSince1970)
    }
}

/// One entry of `from`: a network, or an address with `*` and `?`.
private struct SourcePattern: Sendable, Hashable {
    let isNegated: Bool
    private let network: IPNetwork?
    private let pattern: TextPattern?

    static func list(_ text: String) throws(CodedError) -> [SourcePattern] {
        var patterns: [SourcePattern] = []
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            patterns.append(try SourcePattern(entry.trimmingPrefix(" ")))
        }
        return patterns
    }

    private init(_ text: Substring) throws(CodedError) {
        isNegated = text.first == "!"
        let body = isNegated ? text.dropFirst() : text
        network = IPNetwork(body)
        guard network == nil else {
            pattern = nil
            return
        }
        let isAddress = body.allSatisfy { $0.isHexDigit || ".:*?".contains($0) }
        guard isAddress, !body.isEmpty, let glob = try? TextPattern("glob:\(body)") else {
            throw KeyOptions.invalid("from=\"\(text)\"")
        }
        pattern = glob
    }

    func matches(_ address: String) -> Bool {
        if let network { return IPAddress(address).map(network.contains) ?? false }
        return pattern?.matches(address) ?? false
    }
}
