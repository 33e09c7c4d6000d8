import ArgumentParser
import SharedMessages

/// `berth explain CODE`: what a message code means and what to do about it.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what a message code means and what to do about it."
    )

    @Argument(help: "A message code, such as SSH_AUTH_FAILED, in any case.")
    var code: String?

    @Flag(name: .long, help: "List every code with its level and explanation.")
    var all = false

    func validate() throws {
        guard all == (code != nil) else { return }
        throw ValidationError("Give either a message code or --all.")
    }

    func run() throws {
        guard let code else { return MessageCode.all.forEach { print(line(for: $0)) } }
        guard let found = MessageCode.matching(code) else { throw unknown(code) }
        print(found.terminalText)
    }

    private func line(for code: MessageCode) -> String {
        "\(code.id) (\(code.traits)): \(code.explanation)"
    }

    /// Prints what was perhaps meant; the exit status is 1.
    private func unknown(_ code: String) -> ExitCode {
        var text = "There is no message code \"\(code.printable)\"."
        let suggestions = MessageCode.suggestions(for: code)
        if !suggestions.isEmpty {
            text += " Did you mean:\n" + suggestions.map { "  \($0.id)" }.joined(separator: "\n")
        }
        printError(text)
        return .failure
    }
}
