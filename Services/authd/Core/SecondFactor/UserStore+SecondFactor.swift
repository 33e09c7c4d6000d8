package import Crypto
import Foundation
import GRDB
import SharedMessages

extension UserStore {
    /// What came of a code.
    enum CodeOutcome: Sendable, Hashable {
        case right
        case recovered
        case wrong
        /// It had let somebody in before.
        case replayed
    }

    /// Keeps a secret that counts once it is confirmed; an older one is replaced.
    func enrolTOTP(_ name: String, secret: [UInt8], recoveryCodes: [String]) async throws {
        try await write("second factor begun", name) { database in
            let id = try database.existing(name).id
            try database.execute(
                sql: "INSERT OR REPLACE INTO totp (userID, secret) VALUES (?, ?)",
                arguments: [id, Data(secret)]
            )
            try database.execute(sql: "DELETE FROM recoveryCode WHERE userID = ?", arguments: [id])
            for code in recoveryCodes {
                try database.execute(
                    sql: "INSERT INTO recoveryCode (userID, hash) VALUES (?, ?)",
                    arguments: [id, RecoveryCode.hash(code)]
                )
            }
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`, `AUTHD_SECOND_FACTOR_UNKNOWN`, `AUTHD_CODE_WRONG`.
    func confirmTOTP(_ name: String, _ code: String, skew: Int) async throws {
        let now = Int(Date.now.timeIntervalSince1970)
        try await write("second factor confirmed", name) { database in
            let id = try database.existing(name).id
            guard let secret = try database.totpSecret(id) else {
                throw CodedError(.authdSecondFactorUnknown)
            }
            guard let step = TOTP.step(of: code, secret, at: now, skew: skew) else {
                throw CodedError(.authdCodeWrong)
            }
            // The code that confirms is used up too.
            try database.execute(
                sql: "UPDATE totp SET isConfirmed = 1, lastStep = ?, lastUse = '' WHERE userID = ?",
                arguments: [step, id]
            )
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`, `AUTHD_SECOND_FACTOR_UNKNOWN`.
    func removeTOTP(_ name: String) async throws {
        try await write("second factor removed", name) { database in
            let id = try database.existing(name).id
            try database.execute(sql: "DELETE FROM recoveryCode WHERE userID = ?", arguments: [id])
            try database.execute(sql: "DELETE FROM totp WHERE userID = ?", arguments: [id])
            guard database.changesCount > 0 else {
                throw CodedError(.authdSecondFactorUnknown)
            }
        }
    }

    /// Uses a code up. `use` names the login: the same one may ask again, as after a lost answer.
    func consume(
        _ code: String,
        of id: Int64,
        use: String,
        at now: Int,
        skew: Int
    ) async throws -> CodeOutcome {
        try await unrecorded { database in
            if let secret = try database.totpSecret(id),
                let step = TOTP.step(of: code, secret, at: now, skew: skew)
            {
                return try database.consume(step, of: id, use)
            }
            try database.execute(
                sql: """
                    UPDATE recoveryCode SET usedBy = ?
                    WHERE userID = ? AND hash = ? AND (usedBy IS NULL OR usedBy = ?)
                    """,
                arguments: [use, id, RecoveryCode.hash(code), use]
            )
            return database.changesCount > 0 ? .recovered : .wrong
        }
    }

    /// The key for what travels through gateways and comes back; made once for a database, so that
    /// several authds may share it.
    package func sealingKey() async throws -> SymmetricKey {
        let fresh = unsafe SymmetricKey(size: .bits256).withUnsafeBytes { unsafe Data($0) }
        let kept = try await unrecorded { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO sealingKey (id, key) VALUES (1, ?)",
                arguments: [fresh]
            )
            return try Data.fetchOne(database, sql: "SELECT key FROM sealingKey") ?? fresh
        }
        return SymmetricKey(data: kept)
    }
}

extension Database {
    fileprivate func totpSecret(_ id: Int64) throws -> [UInt8]? {
        try Data.fetchOne(
            self,
            sql: "SELECT secret FROM totp WHERE userID = ?",
            arguments: [id]
        ).map { [UInt8]($0) }
    }

    /// A step counts once, and none before one that has counted.
    fileprivate func consume(_ step: Int, of id: Int64, _ use: String) throws
        -> UserStore.CodeOutcome
    {
        try execute(
            sql: """
                UPDATE totp SET lastStep = ?, lastUse = ?
                WHERE userID = ? AND (lastStep < ? OR (lastStep = ? AND lastUse = ?))
                """,
            arguments: [step, use, id, step, step, use]
        )
        return changesCount > 0 ? .right : .replayed
    }
}
