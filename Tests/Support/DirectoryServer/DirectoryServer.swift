import ChildProcess
package import Foundation
import Glibc
import Synchronization

/// An LDAP server of its own: OpenLDAP's slapd on ports of its own, everything in one folder.
///
/// It has the people `alice`, `bob` and `jörg` with the password `pw-NAME`, the account that looks
/// them up, who alone sees entries, nested groups, and a password policy.
package final class DirectoryServer: Sendable {
    package static let base = "dc=berth,dc=test"
    package static let people = "ou=people,\(base)"
    package static let groups = "ou=groups,\(base)"
    package static let account = "cn=service,\(base)"
    package static let accountPassword = "look things up"
    private static let root = "cn=root,\(base)"
    private static let rootPassword = "all things"

    package static var isAvailable: Bool {
        ["/usr/sbin/slapd", "/usr/bin/ldapadd"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    package let folder: URL
    private let ports: Mutex<(plain: Int, encrypted: Int)>
    private let process = Mutex<ChildProcess?>(nil)
    /// What the servers that have ended wrote: every operation.
    private let notes = Mutex("")

    package var url: String { "ldap://127.0.0.1:\(ports.withLock { $0.plain })" }
    package var encryptedURL: String { "ldaps://127.0.0.1:\(ports.withLock { $0.encrypted })" }
    /// Whom the server's certificate is from.
    package var authority: String { path("ca.pem") }
    /// An authority that has nothing to do with it.
    package var strangeAuthority: String { path("strange.pem") }

    package func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Runs one while `body` does; it is gone afterwards, with its folder.
    package static func with(_ body: (DirectoryServer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-slapd-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "data"),
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter if it fails.
        let server = DirectoryServer(folder)
        let result: Result<Void, any Error>
        do {
            try await server.makeCertificates()
            try server.configuration.write(
                toFile: server.path("slapd.conf"),
                atomically: true,
                encoding: .utf8
            )
            try await server.start()
            try await server.add(Self.content)
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        _ = await server.stop()
        try result.get()
    }

    private init(_ folder: URL) {
        self.folder = folder
        ports = Mutex(Self.freshPorts)
    }

    // MARK: - Running it

    /// Starts it again, on the same ports if it has been running on them.
    package func start() async throws {
        for attempt in 0... {
            let words = [
                "-d", "256", "-f", path("slapd.conf"), "-h", "\(url)/ \(encryptedURL)/",
            ]
            let server = try ChildProcess("/usr/sbin/slapd", words)
            process.withLock { $0 = server }
            if await answers(server) { return }
            let text = await stop()
            // Somebody else has one of the ports.
            guard attempt < 5 else { throw Failure(text: text) }
            ports.withLock { $0 = Self.freshPorts }
        }
    }

    /// Ends it at once: everything that it and those before it have written.
    @discardableResult
    package func stop() async -> String {
        let server = process.withLock { process in
            defer { process = nil }
            return process
        }
        if let server {
            server.send(signal: SIGCONT)
            server.send(signal: SIGKILL)
            let text = await server.end().errors
            notes.withLock { $0 += text }
        }
        return notes.withLock { $0 }
    }

    /// Keeps it from answering, but not from being connected to.
    package func pause() { process.withLock { $0?.send(signal: SIGSTOP) } }
    package func resume() { process.withLock { $0?.send(signal: SIGCONT) } }

    private func answers(_ server: ChildProcess) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < deadline, kill(server.id, 0) == 0 {
            let words = ["-x", "-H", url, "-b", "", "-s", "base", "-o", "nettimeout=5"]
            if let end = try? await ChildProcess.run("/usr/bin/ldapsearch", words), end.status == 0
            {
                // Another's server might be there, and ours be gone.
                return kill(server.id, 0) == 0
            }
        }
        return false
    }

    /// Below those that the system gives away, and those of other tests.
    private static var freshPorts: (Int, Int) {
        let first = Int.random(in: 5_000...8_499) * 2
        return (first, first + 1)
    }

    // MARK: - What is in it

    /// Adds entries (LDIF), or changes some with `changetype: modify`.
    package func add(_ text: String) async throws {
        let file = path("\(UUID().uuidString).ldif")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let end = try await ChildProcess.run(
            "/usr/bin/ldapadd",
            ["-x", "-H", url, "-D", Self.root, "-w", Self.rootPassword, "-e", "relax", "-f", file]
        )
        guard end.status == 0 else { throw Failure(text: end.errors) }
    }

    /// A person's entry with the password `pw-NAME`; `more` are lines of LDIF.
    package static func person(_ name: String, dn: String? = nil, _ more: String = "") -> String {
        """
        dn: \(dn ?? "uid=\(name),\(people)")
        objectClass: inetOrgPerson
        objectClass: ldapPublicKey
        uid: \(name)
        cn: \(name)
        sn: \(name)
        userPassword: pw-\(name)
        \(more.isEmpty ? "" : more + "\n")

        """
    }

    package static func group(_ name: String, _ members: [String]) -> String {
        """
        dn: cn=\(name),\(groups)
        objectClass: groupOfNames
        cn: \(name)
        \(members.map { "member: \($0)" }.joined(separator: "\n"))


        """
    }

    package struct Failure: Error, CustomStringConvertible {
        let text: String
        package var description: String { text }
    }

    // MARK: - Making it

    private var configuration: String {
        """
        include /etc/ldap/schema/core.schema
        include /etc/ldap/schema/cosine.schema
        include /etc/ldap/schema/inetorgperson.schema
        attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey'
            EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
        objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY
            MAY ( sshPublicKey $ uid ) )
        modulepath /usr/lib/ldap
        moduleload back_mdb
        moduleload memberof
        moduleload ppolicy
        pidfile \(path("slapd.pid"))
        TLSCACertificateFile \(authority)
        TLSCertificateFile \(path("server.pem"))
        TLSCertificateKeyFile \(path("server.key"))
        # What makes an empty password dangerous.
        allow bind_anon_cred
        sizelimit unlimited
        database mdb
        maxsize 268435456
        suffix "\(Self.base)"
        rootdn "\(Self.root)"
        rootpw "\(Self.rootPassword)"
        directory \(path("data"))
        dbnosync
        index objectClass,uid,member eq
        access to attrs=userPassword by anonymous auth by * none
        access to * by dn.exact="\(Self.account)" read by self read by anonymous auth by * none
        overlay memberof
        overlay ppolicy
        ppolicy_default "cn=usual,ou=policies,\(Self.base)"
        ppolicy_use_lockout

        """
    }

    private static var content: String {
        """
        dn: \(base)
        objectClass: dcObject
        objectClass: organization
        dc: berth
        o: Berth

        dn: \(people)
        objectClass: organizationalUnit
        ou: people

        dn: \(groups)
        objectClass: organizationalUnit
        ou: groups

        dn: ou=policies,\(base)
        objectClass: organizationalUnit
        ou: policies

        dn: cn=usual,ou=policies,\(base)
        objectClass: pwdPolicy
        objectClass: person
        cn: usual
        sn: usual
        pwdAttribute: userPassword
        pwdMustChange: TRUE

        dn: cn=strict,ou=policies,\(base)
        objectClass: pwdPolicy
        objectClass: person
        cn: strict
        sn: strict
        pwdAttribute: userPassword
        pwdMaxAge: 1
        pwdLockout: TRUE
        pwdMaxFailure: 2

        dn: \(account)
        objectClass: organizationalRole
        objectClass: simpleSecurityObject
        cn: service
        userPassword: \(accountPassword)


        """ + person("alice", "mail: alice@berth.test\ndepartmentNumber: 42")
            + person("bob") + person("jörg")
            + group("developers", ["uid=alice,\(people)", "uid=bob,\(people)"])
            + group("Domain Staff", ["cn=developers,\(groups)"])
            + group("everybody", ["cn=Domain Staff,\(groups)", "cn=everybody,\(groups)"])
    }

    private func makeCertificates() async throws {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for name in ["ca", "strange"] {
            try await openssl(
                ["req", "-x509"] + key + [
                    "-keyout", path("\(name).key"), "-out", path("\(name).pem"), "-subj",
                    "/CN=\(name)", "-days", "30",
                ]
            )
        }
        try await openssl(
            ["req"] + key + [
                "-keyout", path("server.key"), "-out", path("server.csr"), "-subj", "/CN=slapd",
            ]
        )
        try "subjectAltName=IP:127.0.0.1\n".write(
            toFile: path("names"),
            atomically: true,
            encoding: .utf8
        )
        try await openssl([
            "x509", "-req", "-in", path("server.csr"), "-CA", authority, "-CAkey", path("ca.key"),
            "-CAcreateserial", "-out", path("server.pem"), "-days", "30", "-extfile",
            path("names"),
        ])
    }

    private func openssl(_ words: [String]) async throws {
        let end = try await ChildProcess.run("/usr/bin/openssl", words)
        guard end.status == 0 else { throw Failure(text: end.errors) }
    }
}
