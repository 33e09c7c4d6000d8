import ArgumentParser

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

    @OptionGroup var admin: AdminOptions
}
