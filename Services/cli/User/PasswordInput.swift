import ArgumentParser
import Foundation

/// Where a password comes from.
struct PasswordInput: ParsableArguments {
    @Option(help: "A file whose first line is the password.")
    var passwordFile: String?

    /// Longest input that is looked at; far more than any password that authd takes.
    private static let limit = 4096

    /// The password, without its line end.
    ///
    /// Asks twice without echo on a terminal. Throws a `ValidationError` for an empty password
    /// and for two different ones.
    func read() throws -> [UInt8] {
        let password: [UInt8]
        if let passwordFile {
            guard let file = FileHandle(forReadingAtPath: passwordFile) else {
                throw ValidationError("\(passwordFile) cannot be read.")
            }
            password = firstLine(try file.read(upToCount: Self.limit) ?? Data())
        } else if isatty(STDIN_FILENO) == 1 {
            password = try HiddenPrompt.ask("Password: ")
            guard try HiddenPrompt.ask("Again: ") == password else {
                throw ValidationError("The two passwords are not the same.")
            }
        } else {
            password = firstLine(try FileHandle.standardInput.read(upToCount: Self.limit) ?? Data())
        }
        guard !password.isEmpty else { throw ValidationError("The password is empty.") }
        return password
    }

    private func firstLine(_ data: Data) -> [UInt8] {
        var line = [UInt8](data.prefix { $0 != UInt8(ascii: "\n") })
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }
}

/// Asks on the terminal without showing what is typed (termios(3)).
enum HiddenPrompt {
    static func ask(_ text: String) throws -> [UInt8] {
        FileHandle.standardError.write(Data(text.utf8))
        var shown = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &shown) == 0 else {
            throw ValidationError("The terminal cannot be switched to hidden input.")
        }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        guard unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 else {
            throw ValidationError("The terminal cannot be switched to hidden input.")
        }
        defer {
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        return Array((readLine(strippingNewline: true) ?? "").utf8)
    }
}
