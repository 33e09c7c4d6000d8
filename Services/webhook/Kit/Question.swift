import Foundation
import SharedConfig

/// The body of a question, as the gateway would send it, before a check spoils it.
struct Question: Sendable {
    /// Somebody that no webhook knows.
    static let nobody = "berth-webhook-test-nobody"
    /// A valid key that nobody has the private part of.
    static let strangersKey =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER"
    /// A certificate for nobody, of an authority whose key is gone.
    static let strangersCertificate =
        "ssh-ed25519-cert-v01@openssh.com "
        + "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIG+2mCPCYjQAJbqsTWQs07RFZf+y"
        + "bsUZqVLbwFlu8RQ8AAAAIBNdv3hdpzK0w2E7iOrzngd8nAE9s4/VtBQW3Ovd+XW3AAAAAAAAAAAAAAAB"
        + "AAAAEmJlcnRoLXdlYmhvb2stdGVzdAAAAB0AAAAZYmVydGgtd2ViaG9vay10ZXN0LW5vYm9keQAAAAAA"
        + "AAAA//////////8AAAAAAAAAggAAABVwZXJtaXQtWDExLWZvcndhcmRpbmcAAAAAAAAAF3Blcm1pdC1h"
        + "Z2VudC1mb3J3YXJkaW5nAAAAAAAAABZwZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJtaXQt"
        + "cHR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDmiwDy"
        + "+9pKsMCBS52sySNVLtn6hGPXmwch6Vt1ig8WSAAAAFMAAAALc3NoLWVkMjU1MTkAAABAk2jQfy9RuuA9"
        + "YC40pjnybH3y13d0WTltIYleAeFi+Vc7azMQjWGe8eLr1+ghEkgEjKX1/2XBmmHq/4oPxVenBg=="
    private static let strangersCertifiedKey =
        "ssh-ed25519 "
        + "AAAAC3NzaC1lZDI1NTE5AAAAIBNdv3hdpzK0w2E7iOrzngd8nAE9s4/VtBQW3Ovd+XW3"
    private static let strangersAuthority =
        "ssh-ed25519 "
        + "AAAAC3NzaC1lZDI1NTE5AAAAIOaLAPL72kqwwIFLnazJI1Uu2fqEY9ebByHpW3WKDxZI"

    var fields: [String: ConfigTree]

    /// What is asked about `username`.
    init(_ endpoint: WebhookEndpoint, username: String = Question.nobody) {
        fields = [
            "remoteAddress": "203.0.113.7:41022",
            "connectionId": .string(Self.connectionID()),
            "clientVersion": "SSH-2.0-OpenSSH_9.6",
            "username": .string(username),
        ]
        switch endpoint {
        case .password: fields["passwordBase64"] = .string(Self.base64("not the password"))
        case .publicKey: fields["publicKey"] = .string(Self.strangersKey)
        case .certificate:
            fields["certificate"] = .string(Self.strangersCertificate)
            fields["publicKey"] = .string(Self.strangersCertifiedKey)
            fields["authority"] = .string(Self.strangersAuthority)
            fields["keyId"] = "berth-webhook-test"
            fields["serial"] = "0"
            fields["principals"] = .list([.string(Self.nobody)])
            fields["criticalOptions"] = .map([:])
            fields["extensions"] = .list([.string("permit-pty")])
        case .authorization, .config: fields["authenticatedUsername"] = .string(username)
        case .keyboardInteractive: break
        case .session:
            fields["event"] = "begin"
            fields["eventId"] = .string(Self.connectionID())
            fields["sequence"] = 1
            fields["time"] = "2026-01-02T03:04:05.678Z"
            fields["authenticatedUsername"] = .string(username)
        }
    }

    func with(_ key: String, _ value: ConfigTree?) -> Question {
        var question = self
        question.fields[key] = value
        return question
    }

    /// One JSON object and a newline.
    var body: [UInt8] { Array((ConfigTree.map(fields).json + "\n").utf8) }

    static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    private static func connectionID() -> String {
        (0..<16).map { _ in
            let byte = UInt8.random(in: 0...255)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
