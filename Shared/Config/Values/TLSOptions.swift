/// The lowest TLS version that is spoken.
package enum TLSVersion: String, ConfigChoice {
    case v12 = "1.2"
    case v13 = "1.3"
}

/// A group for the TLS key agreement.
package enum TLSCurve: String, ConfigChoice {
    case x25519
    case secp256r1
    case secp384r1
    case secp521r1

    package static func named(_ text: String) -> TLSCurve? {
        switch text {
        case "X25519": .x25519
        case "prime256v1": .secp256r1
        default: TLSCurve(rawValue: text)
        }
    }

    /// The name that OpenSSL uses.
    package var openSSLName: String {
        switch self {
        case .x25519: "X25519"
        case .secp256r1: "P-256"
        case .secp384r1: "P-384"
        case .secp521r1: "P-521"
        }
    }
}

/// A TLS cipher suite by its IANA name; the names of OpenSSL and GnuTLS are understood too.
package enum TLSCipherSuite: String, ConfigChoice {
    case aes128GCM = "TLS_AES_128_GCM_SHA256"
    case aes256GCM = "TLS_AES_256_GCM_SHA384"
    case chaCha20 = "TLS_CHACHA20_POLY1305_SHA256"
    case ecdheRSAAES128GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    case ecdheECDSAAES128GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    case ecdheRSAAES256GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    case ecdheECDSAAES256GCM = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    case ecdheRSAChaCha20 = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"
    case ecdheECDSAChaCha20 = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"

    package static func named(_ text: String) -> TLSCipherSuite? {
        if let suite = TLSCipherSuite(rawValue: text) { return suite }
        if text.hasSuffix("_WITH_CHACHA20_POLY1305_SHA256") {
            return TLSCipherSuite(rawValue: String(text.dropLast("_SHA256".count)))
        }
        return allCases.first { $0.openSSLName == text || $0.gnuTLSName == text }
    }

    /// Whether the suite belongs to TLS 1.3.
    package var isTLS13: Bool {
        switch self {
        case .aes128GCM, .aes256GCM, .chaCha20: true
        default: false
        }
    }

    /// The name that OpenSSL uses in its lists.
    package var openSSLName: String {
        switch self {
        case .aes128GCM, .aes256GCM, .chaCha20: rawValue
        case .ecdheRSAAES128GCM: "ECDHE-RSA-AES128-GCM-SHA256"
        case .ecdheECDSAAES128GCM: "ECDHE-ECDSA-AES128-GCM-SHA256"
        case .ecdheRSAAES256GCM: "ECDHE-RSA-AES256-GCM-SHA384"
        case .ecdheECDSAAES256GCM: "ECDHE-ECDSA-AES256-GCM-SHA384"
        case .ecdheRSAChaCha20: "ECDHE-RSA-CHACHA20-POLY1305"
        case .ecdheECDSAChaCha20: "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
    }

    private var gnuTLSName: String {
        guard let cut = rawValue.firstRange(of: "_WITH_") else { return rawValue }
        return rawValue[..<cut.lowerBound] + "_" + rawValue[cut.upperBound...]
    }
}

/// A list that may also be written as one string with `:` between its parts.
package struct ColonList<Element: ConfigChoice>: ConfigValue, Hashable where Element: Hashable {
    package var items: [Element]

    package init(_ items: [Element]) {
        self.items = items
    }

    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> ColonList? {
        var list = tree
        if case .string(let text) = tree {
            list = .list(text.split(separator: ":").map { .string(String($0)) })
        }
        return [Element].read(list, at: path, problems: &problems).map(ColonList.init)
    }

    package func tree(showSecrets: Bool) -> ConfigTree { items.tree(showSecrets: showSecrets) }

    package static var shape: ConfigShape { .list }
}
