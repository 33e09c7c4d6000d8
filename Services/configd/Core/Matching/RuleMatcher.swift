import ConfigClient
import Foundation
import SharedModels

/// What rules look at: a question, and when it was asked.
struct MatchSubject: Sendable {
    let request: ConfigRequest
    let date: Date
    let address: IPAddress?

    init(_ request: ConfigRequest, at date: Date) {
        self.request = request
        self.date = date
        address = IPAddress(endpoint: request.head.remoteAddress)
    }

    /// The words of a metadata value.
    fileprivate func groups(in key: String) -> [Substring] {
        let text = request.head.carried.metadata[key]?.value ?? ""
        return text.split { $0 == "," || $0.isWhitespace }
    }
}

extension MatchConfig {
    /// The first condition that does not hold; `nil` where all do.
    func mismatch(_ subject: MatchSubject, _ file: RuleFile) -> String? {
        let request = subject.request
        if !user.isEmpty, !user.matches(request.head.username) { return "user" }
        if !authenticatedUser.isEmpty, !authenticatedUser.matches(request.authenticatedUsername) {
            return "authenticatedUser"
        }
        if !group.isEmpty {
            let groups = subject.groups(in: file.groupMetadata)
            guard groups.contains(where: { group.matches(String($0)) }) else { return "group" }
        }
        for (key, patterns) in metadata.sorted(by: { $0.key < $1.key }) {
            let value = request.head.carried.metadata[key]?.value
            guard let value, patterns.matches(value) else { return "metadata.\(key)" }
        }
        if !address.isEmpty {
            guard let client = subject.address, address.contains(client) else { return "address" }
        }
        if !country.isEmpty {
            let name = request.country.isEmpty ? Self.unknownCountry : request.country
            guard country.matches(name) else { return "country" }
        }
        guard time.isEmpty || time.contains(LocalTime(subject.date, in: file.timeZone)) else {
            return "time"
        }
        return nil
    }
}
