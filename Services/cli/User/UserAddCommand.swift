import ArgumentParser
import AuthClient
import Foundation

/// `berth user add`.
struct UserAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Adds a user with a password, public keys, or both."
    )

    @ParentCommand var parent: UserCommand
    @OptionGroup var password: PasswordInput

    @Argument(help: "The user's name.")
    var name: String

    @Flag(help: "Give the user no password; only keys let them in.")
    var noPassword = false

    @Option(help: "A .pub file whose keys the user gets, - for standard input; may be repeated.")
    var keyFile: [String] = []

    @Option(help: "A group of the user; may be repeated.")
    var group: [String] = []

    @Option(help: "Another name under which the user may log in; may be repeated.")
    var loginName: [String] = []

    @Option(help: "When the account ends: 2026-12-31, or 2026-12-31T18:00:00Z.")
    var expires: String?

    @Option(help: "A file with a hash as in shadow(5), in the place of a password.")
    var hashFile: String?

    func run() async throws {
        let hash = try hashFile.map(firstLine)
        let keys = try keyFile.flatMap(readKeys)
        let user = NewUser(
            name: name,
            passwordBase64: noPassword || hash != nil
                ? nil : Data(try password.read()).base64EncodedString(),
            passwordHash: hash,
            expires: expires,
            keys: keys,
            groups: group,
            loginNames: loginName
        )
        try await parent.admin.run { client in
            print("added \(try await client.add(user).name)")
        }
    }
}

private func firstLine(_ path: String) throws -> String {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
        let line = text.split(whereSeparator: \.isNewline).first
    else { throw ValidationError("\(path) holds no hash.") }
    return String(line)
}

/// The lines of a file that hold keys; `-` is standard input.
func readKeys(_ path: String) throws -> [String] {
    // A pipe that another user made cannot be opened by the name /dev/stdin.
    guard
        let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path),
        let data = try? file.readToEnd() ?? Data(), let text = String(data: data, encoding: .utf8)
    else { throw ValidationError("\(path) cannot be read.") }
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        .filter { !$0.hasPrefix("#") && !$0.allSatisfy(\.isWhitespace) }
    guard !lines.isEmpty else { throw ValidationError("\(path) holds no key.") }
    return lines
}
