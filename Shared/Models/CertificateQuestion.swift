/// What the gateway tells a webhook about a user certificate whose form, signature and period it
/// has checked.
package struct CertificateQuestion: Sendable, Hashable {
    /// One line `type base64` without a comment; everything below is decoded from it.
    package var certificate: String
    /// The certified key, as a line.
    package var publicKey: String
    /// The authority's key, as a line.
    package var authority: String
    package var keyID: String
    package var serial: UInt64
    package var principals: [String]
    /// Seconds since 1970; 0 for always.
    package var validAfter: UInt64
    /// Seconds since 1970; the highest number for ever.
    package var validBefore: UInt64
    /// Name and value; the value is empty for flags.
    package var criticalOptions: [String: String]
    package var extensions: [String]

    package init(
        certificate: String,
        publicKey: String = "",
        authority: String = "",
        keyID: String = "",
        serial: UInt64 = 0,
        principals: [String] = [],
        validAfter: UInt64 = 0,
        validBefore: UInt64 = .max,
        criticalOptions: [String: String] = [:],
        extensions: [String] = []
    ) {
        self.certificate = certificate
        self.publicKey = publicKey
        self.authority = authority
        self.keyID = keyID
        self.serial = serial
        self.principals = principals
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.criticalOptions = criticalOptions
        self.extensions = extensions
    }
}
