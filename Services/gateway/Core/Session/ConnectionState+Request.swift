import Foundation
package import Logging
package import SharedMessages
package import SharedModels
package import SharedSSH

extension ConnectionState {
    /// `logger` with the names of whoever is logged in.
    package func identified(_ logger: Logger) -> Logger {
        let facts = facts
        var logger = logger
        logger[metadataKey: "username"] = "\(facts.username)"
        logger[metadataKey: "authenticatedUsername"] = "\(facts.authenticatedUsername)"
        return logger
    }

    /// What every webhook is told about the connection.
    package func requestHead(username: String) -> AuthRequestHead {
        let facts = facts
        return AuthRequestHead(
            remoteAddress: remoteAddress.description,
            connectionID: connectionID,
            clientVersion: facts.clientVersion,
            username: username,
            carried: facts.carried
        )
    }
}

extension ServerRefusal {
    /// The service behind the gateway could not be reached: a text with the code to search for.
    package static func unavailable(_ code: MessageCode) -> Self {
        Self(reason: .serviceNotAvailable, text: personText(code, nil))
    }

    /// Ends the connection for an error, in the words meant for the person.
    package static func because(_ error: any Error, fallback: MessageCode) -> Self {
        if let refusal = error as? ServerRefusal { return refusal }
        let coded = error as? CodedError
        let text = personText(coded?.code ?? fallback, coded?.personText)
        return Self(reason: .serviceNotAvailable, text: text)
    }
}

/// The line a person reads: what is wrong, and the code to give to the operator.
package func personText(_ code: MessageCode, _ text: String?) -> String {
    let words = text ?? code.personText ?? "The server cannot do this at the moment."
    return "\(words) [\(code.id)]"
}

/// Standard base64 with padding (RFC 4648 §4).
func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
