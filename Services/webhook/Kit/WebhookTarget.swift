package import SharedConfig

/// The webhook that is tested, and what is known about it.
package struct WebhookTarget: Sendable {
    /// Where `/password` and the others are appended; `nil` leaves the auth webhook out.
    package var auth: HTTPClientConfig?
    /// Called as it is; `nil` leaves the config webhook out.
    package var config: HTTPClientConfig?
    /// A user that exists; empty for none.
    package var username = ""
    /// The right password of `username`; `nil` where it is not known.
    package var password: [UInt8]?
    /// A public key of `username`, `type base64`; `nil` where none is known.
    package var publicKey: String?
    /// A certificate of `username` that an authority of the webhook signed; `nil` for none.
    package var certificate: String?
    /// Which of the auth webhook's endpoints are there.
    package var endpoints: Set<WebhookEndpoint> = [.password, .publicKey, .authorization]
    /// What the config webhook's replies are laid over when they are checked.
    package var base = BerthConfig()

    package init() {}
}

/// What a webhook is asked, each under a path of its own.
package enum WebhookEndpoint: String, Sendable, CaseIterable {
    case password = "/password"
    case publicKey = "/pubkey"
    case certificate = "/certificate"
    case authorization = "/authz"
    case keyboardInteractive = "/keyboard-interactive"
    case session = "/session"
    /// The config webhook's URL is called as it is.
    case config = "/config"

    /// Whether it answers with a verdict about a login.
    var isVerdict: Bool {
        switch self {
        case .password, .publicKey, .certificate, .authorization, .keyboardInteractive: true
        case .session, .config: false
        }
    }
}
