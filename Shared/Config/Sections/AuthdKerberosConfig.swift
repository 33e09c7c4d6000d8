/// Logins by Kerberos (RFC 4120), which authd decides with its keytab.
package struct AuthdKerberosConfig: ConfigSection {
    /// Whether clients' tickets are taken (RFC 4462).
    package var gssapi = false
    /// Whether passwords are checked with the KDC instead of the store.
    package var passwords = false
    /// Whether a principal must also be a user in the store.
    package var requireAccount = true
    package var kerberos = KerberosConfig(configPath: "")

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("gssapi", &gssapi)
        visitor.field("passwords", &passwords)
        visitor.field("requireAccount", &requireAccount)
        kerberos.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        gssapi || passwords ? kerberos.problems(at: path) : []
    }

    /// Whether anything is decided by Kerberos.
    package var isUsed: Bool { gssapi || passwords }
}

extension BerthConfig {
    /// What authd does: as its own section says, or else as the gateway's `auth` section has it,
    /// where ContainerSSH keeps it.
    package var authdKerberos: AuthdKerberosConfig {
        var config = authd.kerberos
        guard !config.isUsed else { return config }
        if auth.gssapi.method == .kerberos {
            config.gssapi = true
            config.kerberos = auth.gssapi.kerberos
        }
        if auth.password.method == .kerberos {
            config.passwords = true
            config.kerberos = auth.password.kerberos
        }
        return config
    }
}
