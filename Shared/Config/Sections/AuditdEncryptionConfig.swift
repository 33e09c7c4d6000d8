import SharedAge

/// For whom stored recordings are encrypted.
package struct AuditdEncryptionConfig: ConfigSection {
    /// Public keys of age, `age1…`; empty: recordings are stored as they are.
    package var recipients: [String] = []
    /// Whether what encrypted recordings show is searchable: the index is not encrypted.
    package var index = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("recipients", &recipients)
        visitor.field("index", &index)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        for recipient in recipients where (try? AgeRecipient(recipient)) == nil {
            list.check(false, "recipients", recipient, "must be public keys of age, age1…")
        }
        return list.problems
    }
}
