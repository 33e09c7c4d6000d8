package import AuthClient

extension AuthWebhookClient: Authenticator, KeyboardInteractiveSource {}
