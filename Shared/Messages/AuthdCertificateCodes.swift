/// Codes of authd's certificate authorities, of its certificates, and of `berth login`.
extension MessageCode {
    package static let authdAuthorityChanged = MessageCode(
        "AUTHD_CA_CHANGED",
        .notice,
        isAudit: true,
        explanation: """
            A certificate authority was made, trusted, rotated or removed; the label change says \
            which, the label fingerprint names its key.
            """,
        remedy: "Nothing, if it was you."
    )

    package static let authdAuthorityUnknown = MessageCode(
        "AUTHD_CA_UNKNOWN",
        .info,
        explanation: "There is no such certificate authority, or none that signs.",
        remedy: "Look them up with: berth ca list; make one with: berth ca create."
    )

    package static let authdAuthorityExists = MessageCode(
        "AUTHD_CA_EXISTS",
        .info,
        explanation: "There is a certificate authority of that name or with that key already.",
        remedy: "Choose another name, or rotate the authority that is there."
    )

    package static let authdAuthorityInvalid = MessageCode(
        "AUTHD_CA_INVALID",
        .info,
        explanation: """
            A certificate authority cannot be kept: its key is none that can be an authority, or \
            its principals are no names.
            """,
        remedy: "Give an Ed25519, ECDSA or RSA public key of the authority, and names or patterns."
    )

    package static let authdCertificateIssued = MessageCode(
        "AUTHD_CERTIFICATE_ISSUED",
        .notice,
        isAudit: true,
        explanation: """
            A certificate was signed; the labels say for whom, with which serial number, and until \
            when.
            """,
        remedy: "Nothing; take it back with: berth ca revoke --serial."
    )

    package static let authdCertificateRevoked = MessageCode(
        "AUTHD_CERTIFICATE_REVOKED",
        .notice,
        isAudit: true,
        explanation: "Certificates were revoked; the labels say by what they are known.",
        remedy: "Write the list for gateways that decide themselves with: berth ca krl."
    )

    package static let authdCertificateInvalid = MessageCode(
        "AUTHD_CERTIFICATE_INVALID",
        .info,
        explanation: """
            A certificate was asked for that cannot be given: its key cannot be certified, its \
            lifetime is too short or too long, or it has no fitting names.
            """,
        remedy: "Ask with an SSH public key, a lifetime within the limits, and names of hosts."
    )

    package static let authdLoginRefused = MessageCode(
        "AUTHD_LOGIN_REFUSED",
        .info,
        explanation: "Somebody asked for a certificate and did not prove who they are.",
        personText: "Login refused.",
        remedy: "Try again with the right name, password and code."
    )

    static let authdCertificateCodes: [MessageCode] = [
        authdAuthorityChanged, authdAuthorityUnknown, authdAuthorityExists, authdAuthorityInvalid,
        authdCertificateIssued, authdCertificateRevoked, authdCertificateInvalid,
        authdLoginRefused,
    ]
}
