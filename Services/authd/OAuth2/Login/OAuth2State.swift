/// What is known of a login between two rounds; travels sealed.
struct OAuth2State: Codable, Sendable, Hashable {
    enum Stage: Codable, Sendable, Hashable {
        /// The provider is being asked for a code.
        case preparing(asksDevice: Bool)
        /// The person logs in on another device.
        case device(DeviceGrant)
        /// The person is to paste a code.
        case paste(CodeRequest)
        /// The pasted code is being redeemed.
        case redeeming(String, CodeRequest)
    }

    var stage: Stage
    var username: String
    var connection: String
    /// Seconds since 1970.
    var until: Int
    /// Names the login, and is the `state` of RFC 6749 §4.1.1.
    var use: String
    /// Whether the client can show QR codes.
    var showsQRCode: Bool
}

/// What the provider wants from the person in the device flow (RFC 8628 §3.2).
struct DeviceGrant: Codable, Sendable, Hashable {
    var deviceCode: String
    var userCode: String
    var verificationURL: String
    /// With the code in it.
    var completeURL: String?
    /// Seconds between two questions, at least.
    var interval: Int
    /// Seconds since 1970.
    var until: Int
}

/// What one login by code keeps to itself.
struct CodeRequest: Codable, Sendable, Hashable {
    var state: String
    var nonce: String
    var verifier: String

    init(state: String) {
        self.state = state
        nonce = ProofKey.random()
        verifier = ProofKey.random()
    }
}
