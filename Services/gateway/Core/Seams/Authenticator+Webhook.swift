package import AuthClient

extension AuthWebhookClient: PatientAuthenticator, KeyboardInteractiveSource, GSSAPISource {}
