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
        return migrator
    }
}
