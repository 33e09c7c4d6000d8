import ArgumentParser
import AuthClient
import SharedConfig

/// `berth user`: manages the users of a running authd.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Manages the users of a running authd.",
        discussion: """
            Passwords are asked for on the terminal, read from --password-file, or from standard \
            input when that is no terminal; never from the command line.
            """,
        subcommands: [
            UserAddCommand.self, UserListCommand.self, UserKeyCommand.self,
            UserPasswordCommand.self, UserChangeCommand.self, UserEnableCommand.self,
            UserDisableCommand.self, UserExpireCommand.self, UserRemoveCommand.self,
            UserTOTPCommand.self, UserImportCommand.self, UserHistoryCommand.self,
            UserBackupCommand.self,
        ]
    )

    @Option(help: "Where authd is administered: the URL of authd.admin.listen.")
    var server = "unix:///run/berth/authd-admin.sock"

    @Option(help: "A file whose first line is the token to show.")
    var tokenFile: String?

    @Option(name: .customLong("cacert"), help: "For https: the authority of authd's certificate.")
    var authority = ""

    @Option(name: .customLong("cert"), help: "For https: the certificate to show.")
    var certificate = ""

    @Option(name: .customLong("key"), help: "For https: the key of --cert.")
    var key = ""

    /// Calls authd and tells a failure by its code; the exit status is then 1.
    func run(_ body: (UserClient) async throws -> Void) async throws {
        var config = HTTPClientConfig(url: server)
        config.caCertificate = PEMSource(authority)
        config.certificate = PEMSource(certificate)
        config.key = PEMSource(key)
        try await callAuthd(config, try AdminToken.read(tokenFile), body)
    }
}
