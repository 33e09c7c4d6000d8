import ArgumentParser
import AuthClient
import SharedQRCode

/// `berth user totp`.
struct UserTOTPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "totp",
        abstract: "Sets up codes of an authenticator app as a user's second factor.",
        discussion: """
            Prints a QR code for the app and codes for whoever loses it, then asks for a code of \
            the app, which has to be right before any are demanded at a login.
            """
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    @Flag(help: "Take the second factor away.")
    var remove = false

    func run() async throws {
        try await parent.admin.run { client in
            guard !remove else {
                try await client.removeTOTP(name)
                return print("removed the second factor of \(name)")
            }
            show(try await client.enrolTOTP(name))
            printError("Code that the app shows now:")
            let code = (readLine() ?? "").filter { !$0.isWhitespace }
            try await client.confirmTOTP(name, code: code)
            print("the second factor of \(name) is set up")
        }
    }

    /// Written at once: whoever reads it through a pipe needs it before the code is asked for.
    private func show(_ enrolment: TOTPEnrolment) {
        var lines = QRCode(enrolment.url).map { [$0.text] } ?? []
        lines.append(enrolment.url)
        lines.append("Recovery codes, each for one login without the app:")
        lines += enrolment.recoveryCodes.map { "  \($0)" }
        writeOutput(Array((lines.joined(separator: "\n") + "\n").utf8))
    }
}
