import CCrypt

/// Hashes that others have made.
enum ImportedHash {
    /// Whole hashes as crypt(5) spells them, of the kinds that are still good enough.
    private static let forms = [
        #"\$g?y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}"#,
        #"\$7\$[./A-Za-z0-9]{11,97}\$[./A-Za-z0-9]{43}"#,
        #"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}"#,
        #"\$6\$(rounds=[1-9][0-9]+\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{86}"#,
        #"\$5\$(rounds=[1-9][0-9]+\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{43}"#,
    ]

    /// Whether passwords can be checked against it: yescrypt, scrypt, bcrypt, SHA-512 or SHA-256.
    ///
    /// Nothing is computed, so that thousands are imported in no time.
    static func isUsable(_ hash: String) -> Bool {
        guard hash.utf8.count <= 384, hash.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        let isWhole = forms.contains { form in
            guard let regex = try? Regex(form) else { return false }
            return hash.wholeMatch(of: regex) != nil
        }
        guard isWhole else { return false }
        // What this machine's library has been built without is none, however well it looks.
        let word = unsafe crypt_checksalt(hash)
        return word != CRYPT_SALT_INVALID && word != CRYPT_SALT_METHOD_DISABLED
    }
}
