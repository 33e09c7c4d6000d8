/// How a server lets clients authenticate.
package struct AuthenticationSettings: Sendable, Hashable {
    /// Sent as it is before the first answer (RFC 4252 §5.4); empty for none.
    package var banner: String
    /// Failures after which the connection ends; 1 or more. The first `none` is free.
    package var maximumFailures: Int
    /// Requests of any outcome after which the connection ends: probes of good keys never fail,
    /// yet each of them is a question to the identity provider.
    package var maximumRequests: Int
    /// Requests that may wait while one is being decided.
    package var maximumPending: Int
    /// Named in USERAUTH_FAILURE until the handler's first verdict names others.
    package var methods: [String]
    /// The public key algorithms that are accepted, by their names in `UserKeyAlgorithm`; what the
    /// transport announces should be the same (RFC 8308 §3.1).
    package var userKeyAlgorithms: [String]
    /// Shorter RSA keys are refused; below 2048 they are whatever this says.
    package var minimumRSABits: Int

    package init(
        banner: String = "",
        maximumFailures: Int = 6,
        maximumRequests: Int = 128,
        maximumPending: Int = 8,
        methods: [String] = ["publickey", "password"],
        userKeyAlgorithms: [String] = SSHSignatureAlgorithm.allCases.map(\.rawValue),
        minimumRSABits: Int = 2048
    ) {
        self.banner = banner
        self.maximumFailures = maximumFailures
        self.maximumRequests = maximumRequests
        self.maximumPending = maximumPending
        self.methods = methods
        self.userKeyAlgorithms = userKeyAlgorithms
        self.minimumRSABits = minimumRSABits
    }
}
