import ArgumentParser

/// The command-line tool `berth`.
@main
struct BerthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth",
        abstract: "Looks after an installation of Berth.",
        subcommands: [
            ExplainCommand.self,
            CodesCommand.self,
            UserCommand.self,
            GroupCommand.self,
            TokenCommand.self,
            ConfigCommand.self,
            PolicyCommand.self,
            SimulateCommand.self,
            AuthorityCommand.self,
            LoginCommand.self,
            WebhookCommand.self,
            SessionsCommand.self,
            PsCommand.self,
            GcCommand.self,
            HealthcheckCommand.self,
            RecordingCommand.self,
            PenaltiesCommand.self,
            ImageCommand.self,
        ]
    )
}
