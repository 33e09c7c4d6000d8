import Foundation
import SharedConfig

/// The body of a question, as the gateway would send it, before a check spoils it.
struct Question: Sendable {
    /// Somebody that no webhook knows.
    static let nobody = "berth-webhook-test-nobody"
    /// A valid key that nobody has the private part of.
    static let strangersKey =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER"

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
