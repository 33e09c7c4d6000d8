import GRDB

/// The tables, one migration for each change that was ever released.
enum UserSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("users") { database in
            try database.execute(
                sql: """
                    CREATE TABLE user (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL UNIQUE,
                        passwordHash TEXT,
                        isDisabled INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE TABLE publicKey (
                        userID INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
                        blob BLOB NOT NULL,
                        type TEXT NOT NULL,
                        fingerprint TEXT NOT NULL,
                        comment TEXT NOT NULL,
                        PRIMARY KEY (userID, fingerprint)
                    ) STRICT;
                    CREATE INDEX publicKeyByBlob ON publicKey(blob);
                    CREATE TABLE userGroup (
                        userID INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        PRIMARY KEY (userID, name)
                    ) STRICT;
                    CREATE TABLE loginName (
                        userID INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        PRIMARY KEY (userID, name)
                    ) STRICT;
                    CREATE TABLE attribute (
                        userID INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
                        kind TEXT NOT NULL CHECK (kind IN ('metadata', 'environment')),
                        name TEXT NOT NULL,
                        value TEXT NOT NULL,
                        isSensitive INTEGER NOT NULL,
                        PRIMARY KEY (userID, kind, name)
                    ) STRICT;
                    """
            )
        }
        migrator.registerMigration("accounts, groups, tokens, changes") { database in
            try database.execute(
                sql: """
                    ALTER TABLE user ADD COLUMN expiresAt INTEGER;
                    ALTER TABLE publicKey ADD COLUMN options TEXT NOT NULL DEFAULT '';
                    CREATE TABLE accountGroup (
                        name TEXT PRIMARY KEY,
                        description TEXT NOT NULL
                    ) STRICT;
                    CREATE TABLE groupLoginName (
                        groupName TEXT NOT NULL REFERENCES accountGroup(name) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        PRIMARY KEY (groupName, name)
                    ) STRICT;
                    CREATE TABLE token (
                        name TEXT PRIMARY KEY,
                        hash BLOB NOT NULL UNIQUE,
                        isReadOnly INTEGER NOT NULL,
                        createdAt INTEGER NOT NULL,
                        expiresAt INTEGER
                    ) STRICT;
                    CREATE TABLE change (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,
                        actor TEXT NOT NULL,
                        action TEXT NOT NULL,
                        subject TEXT NOT NULL,
                        detail TEXT NOT NULL
                    ) STRICT;
                    CREATE INDEX changeBySubject ON change(subject, id);
                    """
            )
        }
        migrator.registerMigration("second factors") { database in
            try database.execute(
                sql: """
                    CREATE TABLE totp (
                        userID INTEGER PRIMARY KEY REFERENCES user(id) ON DELETE CASCADE,
                        secret BLOB NOT NULL,
                        isConfirmed INTEGER NOT NULL DEFAULT 0,
                        lastStep INTEGER NOT NULL DEFAULT 0,
                        lastUse TEXT NOT NULL DEFAULT ''
                    ) STRICT;
                    CREATE TABLE recoveryCode (
                        userID INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
                        hash BLOB NOT NULL,
                        usedBy TEXT,
                        PRIMARY KEY (userID, hash)
                    ) STRICT;
                    CREATE TABLE sealingKey (
                        id INTEGER PRIMARY KEY CHECK (id = 1),
                        key BLOB NOT NULL
                    ) STRICT;
                    """
            )
        }
        migrator.registerMigration("certificates") { database in
            try database.execute(
                sql: """
                    CREATE TABLE authority (
                        name TEXT PRIMARY KEY,
                        kind TEXT NOT NULL CHECK (kind IN ('user', 'host')),
                        publicKey BLOB NOT NULL UNIQUE,
                        privateKey TEXT,
                        principals TEXT NOT NULL,
                        createdAt INTEGER NOT NULL,
                        trustedUntil INTEGER
                    ) STRICT;
                    CREATE TABLE certificate (
                        serial INTEGER PRIMARY KEY,
                        authority BLOB NOT NULL,
                        kind TEXT NOT NULL CHECK (kind IN ('user', 'host')),
                        subject TEXT NOT NULL,
                        principals TEXT NOT NULL,
                        fingerprint TEXT NOT NULL,
                        issuedAt INTEGER NOT NULL,
                        expiresAt INTEGER NOT NULL,
                        isRevoked INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE INDEX certificateBySubject ON certificate(subject, issuedAt);
                    CREATE INDEX certificateByTime ON certificate(issuedAt);
                    CREATE TABLE revocation (
                        kind TEXT NOT NULL CHECK (kind IN ('key', 'keyID')),
                        value TEXT NOT NULL,
                        PRIMARY KEY (kind, value)
                    ) STRICT;
                    """
            )
        }
        return migrator
    }
}
