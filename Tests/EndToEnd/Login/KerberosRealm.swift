import Foundation
import Testing

/// A realm of its own: MIT's KDC with users and the gateway's service, everything in one folder.
struct KerberosRealm: Sendable {
    static let name = "BERTH.TEST"
    static let password = "ticket please"

    let folder: URL
    private let kdc: Program

    /// krb5.conf(5) of clients and of authd.
    var configuration: String { path("krb5.conf") }
    /// The keys of `host/127.0.0.1`.
    var keytab: String { path("keytab") }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// What authd and the gateway are told; the gateway asks where `{authd}` listens.
    func settings(_ more: String...) -> [String] {
        [
            "auth.gssapi.method=webhook", "auth.gssapi.webhook.url=http://{authd}",
            "authd.kerberos.gssapi=true", "authd.kerberos.keytab=\(keytab)",
            "authd.kerberos.configPath=\(configuration)",
        ] + more
    }

    /// Makes the realm with the users `dev` and `eve`, and runs its KDC meanwhile.
    static func with(_ body: (KerberosRealm) async throws -> Void) async throws {
        let folder = try Surroundings.temporaryFolder("kdc")
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter if it fails.
        let port = Surroundings.freePort()
        try write(folder, port)
        try await administer(folder, "kdb5_util", ["create", "-s", "-r", name, "-P", "master"])
        for user in ["dev", "eve"] {
            try await query(folder, "addprinc -pw \"\(password)\" \(user)")
        }
        try await query(folder, "addprinc -randkey host/127.0.0.1")
        let keytab = folder.appending(path: "keytab").path
        try await query(folder, "ktadd -k \(keytab) host/127.0.0.1")
        let realm = KerberosRealm(folder: folder, kdc: try startKDC(folder))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(realm))
        } catch {
            result = .failure(error)
        }
        await realm.stop()
        try result.get()
    }

    func stop() async {
        kdc.send(SIGTERM)
        _ = try? await kdc.end()
    }

    /// Gets `user` a ticket that can be handed on: the environment that has it.
    func ticket(of user: String) async throws -> [String: String] {
        let environment = [
            "KRB5_CONFIG": configuration, "KRB5CCNAME": "FILE:\(path("cc-\(user)"))",
        ]
        var end: Program.End?
        // The KDC may still be starting.
        try await wait(for: "\(user) has a ticket; \(kdc.errors)") {
            end = try await Program(
                "/usr/bin/kinit",
                ["-f", user],
                input: .text(Self.password + "\n"),
                environment: environment,
                files: folder.appending(path: "kinit-\(UUID().uuidString)")
            ).end()
            return end?.status == 0
        }
        return environment
    }

    // MARK: - Making it

    private static func environment(_ folder: URL) -> [String: String] {
        [
            "KRB5_CONFIG": folder.appending(path: "krb5.conf").path,
            "KRB5_KDC_PROFILE": folder.appending(path: "kdc.conf").path,
        ]
    }

    private static func write(_ folder: URL, _ port: Int) throws {
        // Names of hosts are taken as they are typed: no test asks a name server.
        let clients = """
            [libdefaults]
                default_realm = \(name)
                dns_lookup_kdc = false
                dns_lookup_realm = false
                dns_canonicalize_hostname = false
                rdns = false
                udp_preference_limit = 1
            [realms]
                \(name) = {
                    kdc = 127.0.0.1:\(port)
                }
            [domain_realm]
                127.0.0.1 = \(name)
            """
        let server = """
            [kdcdefaults]
                kdc_listen = 127.0.0.1:\(port)
                kdc_tcp_listen = 127.0.0.1:\(port)
            [realms]
                \(name) = {
                    database_name = \(folder.path)/principal
                    key_stash_file = \(folder.path)/stash
                    acl_file = \(folder.path)/acl
                }
            [logging]
                kdc = FILE:\(folder.path)/kdc.log
            """
        for (file, text) in [("krb5.conf", clients), ("kdc.conf", server)] {
            try Data((text + "\n").utf8).write(to: folder.appending(path: file))
        }
    }

    private static func query(_ folder: URL, _ command: String) async throws {
        try await administer(folder, "kadmin.local", ["-r", name, "-q", command])
    }

    private static func administer(
        _ folder: URL,
        _ program: String,
        _ arguments: [String]
    ) async throws {
        let end = try await Program(
            "/usr/sbin/\(program)",
            arguments,
            environment: environment(folder),
            files: folder.appending(path: "admin-\(UUID().uuidString)")
        ).end()
        try #require(end.status == 0, "\(end.output)\(end.errors)")
    }

    private static func startKDC(_ folder: URL) throws -> Program {
        try Program(
            "/usr/sbin/krb5kdc",
            ["-n", "-r", name, "-P", folder.appending(path: "kdc.pid").path],
            environment: environment(folder),
            files: folder.appending(path: "kdc")
        )
    }
}
