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

    func run() async throws {
        let keys = try keyFile.flatMap(readKeys)
        let user = NewUser(
            name: name,
            passwordBase64: noPassword ? nil : Data(try password.read()).base64EncodedString(),
            keys: keys,
            groups: group,
            loginNames: loginName
        )
        try await parent.run { client in
            print("added \(try await client.add(user).name)")
        }
    }
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
