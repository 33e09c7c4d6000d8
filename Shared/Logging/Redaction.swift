import Logging

/// The last safeguard against secrets in the log: labels that sound secret and passwords in URLs.
///
/// Secrets never belong into labels; this catches what slips through, mostly from libraries.
enum Redaction {
    static let mask = "***"

    /// The labels with secret ones masked, at any depth.
    static func masked(_ labels: Logger.Metadata) -> Logger.Metadata {
        var masked = labels
        for (name, value) in labels {
            masked[name] = soundsSecret(name) ? .string(mask) : self.masked(value)
        }
        return masked
    }

    /// The text with the user part of every URL masked: `https://***@host/`.
    static func masked(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")), text.contains("://") else { return text }
        return text.replacing(/:\/\/[^\/\s@?#"']+@/, with: "://\(mask)@")
    }

    private static func masked(_ value: Logger.MetadataValue) -> Logger.MetadataValue {
        switch value {
        case .string(let text): .string(masked(text))
        case .stringConvertible(let value): maskedConvertible(value)
        case .dictionary(let labels): .dictionary(masked(labels))
        case .array(let values): .array(values.map(masked))
        }
    }

    private static func maskedConvertible(
        _ value: any CustomStringConvertible & Sendable
    ) -> Logger.MetadataValue {
        switch value {
        case is Bool, is any BinaryInteger, is any BinaryFloatingPoint: .stringConvertible(value)
        default: .string(masked(value.description))
        }
    }

    private static func soundsSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return secretWords.contains { name.contains($0) }
    }

    private static let secretWords = [
        "password", "passphrase", "secret", "token", "authorization", "cookie", "privatekey",
    ]
}
