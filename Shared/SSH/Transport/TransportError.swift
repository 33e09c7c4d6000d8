/// Why a connection cannot go on. Whoever catches it sends DISCONNECT with `reason` and closes.
package enum TransportError: Error, Sendable, Hashable {
    /// The peer's first line is not an SSH identification, or it sends too much before one.
    case notSSH
    /// The peer speaks another version; its line.
    case unsupportedVersion(String)
    /// A packet length below the least or above the most.
    case badPacketLength(UInt32)
    case badPadding
    /// The packet's authentication code is wrong.
    case badMAC
    /// The lists have nothing in common; which one, and what the peer offered.
    case noCommonAlgorithm(NegotiationItem, offered: [String])
    /// A message that has no place here.
    case unexpectedMessage(UInt8)
    /// A message whose contents do not parse.
    case malformedMessage(UInt8)
    /// A packet that strict key exchange forbids (OpenSSH's PROTOCOL §1.10).
    case strictKeyExchangeViolated(UInt8)
    /// The peer's public value is no point, no key, or leads to a secret of zeros.
    case badPublicValue
    /// Client: the host's key is not trusted.
    case hostKeyNotTrusted
    /// Client: the host did not prove that it has the key.
    case badHostKeySignature
    /// The sequence number would repeat under one key.
    case sequenceNumberExhausted
    /// More was sent during a key exchange than may be held back.
    case tooMuchHeldBack
    /// The cryptographic library failed, or memory is short.
    case cryptographyFailed

    /// What DISCONNECT says (RFC 4253 §11.1).
    package var reason: DisconnectReason {
        switch self {
        case .notSSH, .badPacketLength, .badPadding, .unexpectedMessage, .malformedMessage,
            .strictKeyExchangeViolated, .sequenceNumberExhausted:
            .protocolError
        case .unsupportedVersion: .protocolVersionNotSupported
        case .badMAC: .macError
        case .noCommonAlgorithm(.compressionToServer, _),
            .noCommonAlgorithm(.compressionToClient, _):
            .compressionError
        case .noCommonAlgorithm, .badPublicValue, .badHostKeySignature, .cryptographyFailed:
            .keyExchangeFailed
        case .hostKeyNotTrusted: .hostKeyNotVerifiable
        case .tooMuchHeldBack: .byApplication
        }
    }

    /// What DISCONNECT says to people.
    package var text: String {
        switch self {
        case .notSSH: "Invalid SSH identification string."
        case .unsupportedVersion: "Protocol version not supported; this is SSH 2.0."
        case .badPacketLength(let length): "Bad packet length \(length)."
        case .badPadding: "Bad padding."
        case .badMAC: "Corrupted MAC on input."
        case .noCommonAlgorithm(let item, let offered):
            "No matching \(item.rawValue) found; offered: \(Self.shown(offered))."
        case .unexpectedMessage(let number): "Unexpected message \(number)."
        case .malformedMessage(let number): "Malformed message \(number)."
        case .strictKeyExchangeViolated(let number):
            "Message \(number) violates strict key exchange."
        case .badPublicValue: "Invalid public value in key exchange."
        case .hostKeyNotTrusted: "Host key not trusted."
        case .badHostKeySignature: "Host key signature is wrong."
        case .sequenceNumberExhausted: "Too many packets without new keys."
        case .tooMuchHeldBack: "Too much data waits for new keys."
        case .cryptographyFailed: "Internal error in key exchange."
        }
    }

    /// Names are printable ASCII without commas; a peer may send many.
    private static func shown(_ names: [String]) -> String {
        let text = names.joined(separator: ",")
        return text.count <= 300 ? text : text.prefix(300) + "…"
    }
}

/// The lists of KEXINIT, in words for people (RFC 4253 §7.1).
package enum NegotiationItem: String, Sendable, Hashable {
    case keyExchange = "key exchange method"
    case hostKey = "host key type"
    case cipherToServer = "cipher (client to server)"
    case cipherToClient = "cipher (server to client)"
    case macToServer = "MAC (client to server)"
    case macToClient = "MAC (server to client)"
    case compressionToServer = "compression (client to server)"
    case compressionToClient = "compression (server to client)"
}
