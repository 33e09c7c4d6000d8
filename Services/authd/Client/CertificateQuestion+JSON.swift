import SharedModels

extension JSONObjectText {
    /// The serial number is a text: many readers of JSON lose digits of large numbers.
    mutating func add(_ question: CertificateQuestion) {
        add("certificate", question.certificate)
        add("publicKey", question.publicKey)
        add("authority", question.authority)
        add("keyId", question.keyID)
        add("serial", "\(question.serial)")
        add("principals", question.principals)
        if let date = Self.date(question.validAfter) { add("validAfter", date) }
        if let date = Self.date(question.validBefore) { add("validBefore", date) }
        var options = JSONObjectText()
        for (name, value) in question.criticalOptions.sorted(by: { $0.key < $1.key }) {
            options.add(name, value)
        }
        add("criticalOptions", raw: options.closed)
        add("extensions", question.extensions)
    }

    /// RFC 3339; `nil` for always and for what no date can say.
    private static func date(_ seconds: UInt64) -> String? {
        let lastOfFourDigits: UInt64 = 253_402_300_799
        return (1...lastOfFourDigits).contains(seconds) ? UserDate.text(Int(seconds)) : nil
    }
}

/// The keys of a question about a certificate; only `certificate` must be there, as whoever
/// decides reads the rest from it.
struct CertificateQuestionBody: Decodable, Sendable {
    let question: CertificateQuestion

    private enum CodingKeys: String, CodingKey {
        case certificate, publicKey, authority, keyId, serial, principals, validAfter, validBefore
        case criticalOptions, extensions
    }

    init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String {
            try box.decodeIfPresent(String.self, forKey: key) ?? ""
        }
        func date(_ key: CodingKeys, _ fallback: UInt64) throws -> UInt64 {
            UserDate.seconds(try text(key)).map { UInt64(max(0, $0)) } ?? fallback
        }
        question = CertificateQuestion(
            certificate: try box.decode(String.self, forKey: .certificate),
            publicKey: try text(.publicKey),
            authority: try text(.authority),
            keyID: try text(.keyId),
            serial: UInt64(try text(.serial)) ?? 0,
            principals: try box.decodeIfPresent([String].self, forKey: .principals) ?? [],
            validAfter: try date(.validAfter, 0),
            validBefore: try date(.validBefore, .max),
            criticalOptions: try box.decodeIfPresent(
                [String: String].self,
                forKey: .criticalOptions
            ) ?? [:],
            extensions: try box.decodeIfPresent([String].self, forKey: .extensions) ?? []
        )
    }
}
