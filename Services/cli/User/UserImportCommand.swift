import ArgumentParser
import AuthClient
import Foundation
import SharedMessages

/// `berth user import`.
struct UserImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Adds users from shadow(5) lines or a CSV file, or keys from authorized_keys.",
        discussion: """
            Users that are there already are left as they are, and told of. CSV files begin with a \
            line that names their columns, out of: name, password_hash, groups, login_names, \
            expires, disabled, key; groups and login_names are separated by spaces.
            """
    )

    @ParentCommand var parent: UserCommand

    @Option(help: "A file with lines as in /etc/shadow; - for standard input.")
    var shadow: String?

    @Option(help: "A CSV file; - for standard input.")
    var csv: String?

    @Option(help: "A file with lines as in authorized_keys; - for standard input.")
    var authorizedKeys: String?

    @Option(help: "With --authorized-keys: whose keys they are.")
    var user: String?

    func validate() throws {
        guard [shadow, csv, authorizedKeys].compactMap(\.self).count == 1 else {
            throw ValidationError("Give one of --shadow, --csv and --authorized-keys.")
        }
        guard (authorizedKeys == nil) == (user == nil) else {
            throw ValidationError("--authorized-keys needs --user, and --user is for nothing else.")
        }
    }

    func run() async throws {
        if let authorizedKeys, let user {
            let lines = try readKeys(authorizedKeys)
            return try await parent.admin.run { client in
                for line in lines {
                    try await passingOver(.authdKeyExists, "\(user) has the key already") {
                        print("added \(try await client.addKey(user, line).fingerprint)")
                    }
                }
            }
        }
        let users =
            if let shadow {
                try UserImport.shadow(try readLines(shadow))
            } else {
                try UserImport.csv(try readLines(csv ?? "-"))
            }
        try await parent.admin.run { client in
            for user in users {
                try await passingOver(.authdUserExists, "\(user.name) is there already") {
                    print("added \(try await client.add(user).name)")
                }
            }
        }
    }

    private func passingOver(
        _ code: MessageCode,
        _ text: String,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as CodedError where error.code == code {
            printError("left: \(text)")
        }
    }

    private func readLines(_ path: String) throws -> [String] {
        guard
            let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path),
            let text = String(data: try file.readToEnd() ?? Data(), encoding: .utf8)
        else { throw ValidationError("\(path) cannot be read.") }
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }
}

/// Users as other programs write them.
enum UserImport {
    /// Lines of shadow(5). A locked account (`!` before the hash) is disabled; one that never had
    /// a password has none here.
    static func shadow(_ lines: [String]) throws -> [NewUser] {
        try lines.filter { !$0.hasPrefix("#") }.map { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
                .map(String.init)
            guard fields.count >= 2 else { throw ValidationError("\(line) is no shadow(5) line.") }
            let isLocked = fields[1].hasPrefix("!")
            let hash = String(fields[1].drop { $0 == "!" })
            let day = fields.count > 7 ? Int(fields[7]) : nil
            return NewUser(
                name: fields[0],
                passwordHash: hash.hasPrefix("$") ? hash : nil,
                disabled: isLocked ? true : nil,
                expires: day.map { UserDate.text($0 * 86_400) }
            )
        }
    }

    static func csv(_ lines: [String]) throws -> [NewUser] {
        guard let head = lines.first.map(fields), head.contains("name") else {
            throw ValidationError("The first line does not name a column \"name\".")
        }
        let known: Set = [
            "name", "password_hash", "groups", "login_names", "expires", "disabled", "key",
        ]
        for column in head where !known.contains(column) {
            throw ValidationError("The column \(column) is not known.")
        }
        return try lines.dropFirst().map { line in
            let values = fields(line)
            guard values.count == head.count else {
                throw ValidationError("\(line) has \(values.count) fields, not \(head.count).")
            }
            let row = Dictionary(zip(head, values)) { $1 }.filter { !$0.value.isEmpty }
            return NewUser(
                name: row["name"] ?? "",
                passwordHash: row["password_hash"],
                disabled: row["disabled"].map { ["1", "true", "yes"].contains($0.lowercased()) },
                expires: row["expires"],
                keys: row["key"].map { [$0] },
                groups: row["groups"]?.split(separator: " ").map(String.init),
                loginNames: row["login_names"]?.split(separator: " ").map(String.init)
            )
        }
    }

    /// The fields of a line (RFC 4180); a quoted field may hold commas and doubled quotes.
    static func fields(_ line: String) -> [String] {
        var fields = [""]
        var isQuoted = false
        var rest = Substring(line)
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted && rest.first == "\"":
                rest.removeFirst()
                fields[fields.count - 1].append("\"")
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: fields.append("")
            default: fields[fields.count - 1].append(character)
            }
        }
        return fields
    }
}
