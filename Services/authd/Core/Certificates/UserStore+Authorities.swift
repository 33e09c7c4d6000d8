import AuthClient
import Foundation
import GRDB
import SharedMessages
import SharedSSH

extension UserStore {
    func authorities() async throws -> [StoredAuthority] {
        try await read { try $0.authorities("1 ORDER BY name", []) }
    }

    func authority(named name: String) async throws -> StoredAuthority? {
        try await read { try $0.authorities("name = ?", [name]).first }
    }

    func authority(withKey blob: [UInt8]) async throws -> StoredAuthority? {
        try await read { try $0.authorities("publicKey = ?", [Data(blob)]).first }
    }

    /// Throws `AUTHD_CA_EXISTS`.
    func add(_ authority: StoredAuthority) async throws {
        try await write("authority added", authority.name, authority.key.fingerprint) {
            try $0.insert(authority)
        }
    }

    /// Puts `fresh` in the place of the authority of its name, which is trusted until `trustedUntil`
    /// under `oldName`. Throws `AUTHD_CA_UNKNOWN` where there is none that signs.
    func replace(
        with fresh: StoredAuthority,
        keepingAs oldName: String,
        trustedUntil: Int
    ) async throws {
        try await write("authority rotated", fresh.name, fresh.key.fingerprint) { database in
            try database.execute(
                sql: """
                    UPDATE authority SET name = ?, trustedUntil = ?
                    WHERE name = ? AND privateKey IS NOT NULL AND trustedUntil IS NULL
                    """,
                arguments: [oldName, trustedUntil, fresh.name]
            )
            guard database.changesCount > 0 else { throw CodedError(.authdAuthorityUnknown) }
            try database.insert(fresh)
        }
    }

    /// Throws `AUTHD_CA_UNKNOWN`.
    func removeAuthority(_ name: String) async throws {
        try await write("authority removed", name) { database in
            try database.execute(sql: "DELETE FROM authority WHERE name = ?", arguments: [name])
            guard database.changesCount > 0 else { throw CodedError(.authdAuthorityUnknown) }
        }
    }

    // MARK: - Certificates

    /// Notes a certificate before anybody gets it.
    func note(_ certificate: IssuedCertificate) async throws {
        let detail = "serial \(certificate.serial)"
        try await write("certificate issued", certificate.subject, detail) { database in
            try database.execute(
                sql: """
                    INSERT INTO certificate (serial, authority, kind, subject, principals,
                    fingerprint, issuedAt, expiresAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    Int64(bitPattern: certificate.serial), Data(certificate.authority.blob),
                    certificate.kind.rawValue, certificate.subject,
                    certificate.principals.joined(separator: " "), certificate.fingerprint,
                    certificate.issuedAt, certificate.expiresAt,
                ]
            )
        }
    }

    func certificates(of subject: String?, limit: Int) async throws -> [IssuedCertificate] {
        try await read { database in
            try database.certificates(
                "? IS NULL OR subject = ? ORDER BY issuedAt DESC, serial LIMIT ?",
                [subject, subject, limit]
            )
        }
    }

    /// The certificate as it was signed here, if it was.
    func issued(_ serial: UInt64, by authority: [UInt8]) async throws -> IssuedCertificate? {
        try await read { database in
            try database.certificates(
                "serial = ? AND authority = ?",
                [Int64(bitPattern: serial), Data(authority)]
            ).first
        }
    }

    // MARK: - Revocations

    /// Revokes certificates that were signed here; how many there are.
    func revoke(serial: UInt64) async throws -> Int {
        try await write("certificate revoked", "\(serial)") { database in
            try database.execute(
                sql: "UPDATE certificate SET isRevoked = 1 WHERE serial = ?",
                arguments: [Int64(bitPattern: serial)]
            )
            return database.changesCount
        }
    }

    func revoke(user: String) async throws -> Int {
        try await write("certificates revoked", user) { database in
            try database.execute(
                sql: "UPDATE certificate SET isRevoked = 1 WHERE subject = ? AND kind = 'user'",
                arguments: [user]
            )
            return database.changesCount
        }
    }

    /// Revokes a key by its fingerprint, or whatever has a key ID.
    func revoke(_ kind: String, _ value: String) async throws {
        try await write("\(kind) revoked", value) { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO revocation (kind, value) VALUES (?, ?)",
                arguments: [kind, value]
            )
        }
    }

    func isRevoked(_ certificate: OpenSSHCertificate) async throws -> Bool {
        try await read { database in
            try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM revocation WHERE (kind = 'key' AND value IN (?, ?))
                        OR (kind = 'keyID' AND value = ?)
                    ) OR EXISTS (
                        SELECT 1 FROM certificate
                        WHERE serial = ? AND authority = ? AND isRevoked
                    )
                    """,
                arguments: [
                    certificate.fingerprint, certificate.signatureKey.fingerprint,
                    certificate.keyID, Int64(bitPattern: certificate.serial),
                    Data(certificate.signatureKey.blob),
                ]
            ) ?? true
        }
    }

    /// Everything that is revoked and not expired, for gateways that decide themselves.
    func revocations(at now: Int) async throws -> RevocationEntries {
        try await read { database in
            var entries = RevocationEntries()
            for certificate in try database.certificates("isRevoked AND expiresAt > ?", [now]) {
                entries.serials[certificate.authority.blob, default: []].insert(certificate.serial)
            }
            let ids = try String.fetchAll(
                database,
                sql: "SELECT value FROM revocation WHERE kind = 'keyID'"
            )
            // The empty authority stands for every one.
            if !ids.isEmpty { entries.keyIDs[[]] = Set(ids) }
            let keys = try String.fetchAll(
                database,
                sql: "SELECT value FROM revocation WHERE kind = 'key'"
            )
            entries.keyHashes = Set(keys.compactMap(Fingerprint.digest))
            return entries
        }
    }
}

/// `SHA256:` and unpadded base64.
enum Fingerprint {
    /// The 32 bytes; `nil` for anything else.
    static func digest(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("SHA256:"), let data = Data(base64Encoded: text.dropFirst(7) + "="),
            data.count == 32
        else { return nil }
        return [UInt8](data)
    }
}

extension Database {
    fileprivate func authorities(
        _ condition: String,
        _ arguments: StatementArguments
    ) throws -> [StoredAuthority] {
        let sql = "SELECT * FROM authority WHERE \(condition)"
        return try Row.fetchAll(self, sql: sql, arguments: arguments).map { row in
            guard let kind = AuthorityKind(rawValue: row["kind"]) else {
                throw CodedError(.authdDatabaseFailed, detail: "kind of an authority")
            }
            let blob: Data = row["publicKey"]
            let principals: String = row["principals"]
            return StoredAuthority(
                name: row["name"],
                kind: kind,
                key: try SSHPublicKey(blob: [UInt8](blob)),
                privateKey: row["privateKey"],
                principals: principals.split(separator: " ").map(String.init),
                createdAt: row["createdAt"],
                trustedUntil: row["trustedUntil"]
            )
        }
    }

    fileprivate func insert(_ authority: StoredAuthority) throws {
        try execute(
            sql: """
                INSERT OR IGNORE INTO authority
                (name, kind, publicKey, privateKey, principals, createdAt) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                authority.name, authority.kind.rawValue, Data(authority.key.blob),
                authority.privateKey, authority.principals.joined(separator: " "),
                authority.createdAt,
            ]
        )
        guard changesCount > 0 else { throw CodedError(.authdAuthorityExists) }
    }

    fileprivate func certificates(
        _ condition: String,
        _ arguments: StatementArguments
    ) throws -> [IssuedCertificate] {
        let sql = "SELECT * FROM certificate WHERE \(condition)"
        return try Row.fetchAll(self, sql: sql, arguments: arguments).map { row in
            guard let kind = AuthorityKind(rawValue: row["kind"]) else {
                throw CodedError(.authdDatabaseFailed, detail: "kind of a certificate")
            }
            let serial: Int64 = row["serial"]
            let blob: Data = row["authority"]
            let principals: String = row["principals"]
            return IssuedCertificate(
                serial: UInt64(bitPattern: serial),
                authority: try SSHPublicKey(blob: [UInt8](blob)),
                kind: kind,
                subject: row["subject"],
                principals: principals.split(separator: " ").map(String.init),
                fingerprint: row["fingerprint"],
                issuedAt: row["issuedAt"],
                expiresAt: row["expiresAt"],
                isRevoked: row["isRevoked"]
            )
        }
    }
}
