import ArgumentParser

/// `berth webhook`: for whoever writes an auth or config webhook.
struct WebhookCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Tests a webhook of your own, or stands in for one.",
        subcommands: [WebhookTestCommand.self, WebhookMockCommand.self]
    )
}
