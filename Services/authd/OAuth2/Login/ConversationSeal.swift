package import Crypto
import Foundation

/// Keeps gateways and people from reading or making what a conversation remembers between two
/// rounds (AES-256-GCM).
package struct ConversationSeal: Sendable {
    private let key: SymmetricKey
    private let purpose: String

    /// What was sealed for one purpose does not open for another.
    package init(key: SymmetricKey, purpose: String) {
        self.key = key
        self.purpose = purpose
    }

    package func close(_ state: some Encodable) throws -> String {
        let box = try AES.GCM.seal(
            try JSONEncoder().encode(state),
            using: key,
            authenticating: Data(purpose.utf8)
        )
        return (Data(box.nonce) + box.ciphertext + box.tag).base64EncodedString()
    }

    /// `nil` for anything that was not sealed with the key for this purpose.
    package func open<State: Decodable>(_ text: String, as type: State.Type) -> State? {
        guard let data = Data(base64Encoded: text),
            let box = try? AES.GCM.SealedBox(combined: data),
            let bytes = try? AES.GCM.open(
                box,
                using: key,
                authenticating: Data(purpose.utf8)
            )
        else { return nil }
        return try? JSONDecoder().decode(type, from: bytes)
    }
}
