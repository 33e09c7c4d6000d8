import SharedMessages
package import SharedModels

/// Who somebody is by the word of a provider.
package struct OAuth2Identity: Sendable, Hashable {
    /// Not empty, of printable characters.
    package var name: String
    /// What the provider says about them, and the token, as ContainerSSH names it.
    package var carried: ConnectionMetadata

    package init(name: String, carried: ConnectionMetadata = .init()) {
        self.name = name
        self.carried = carried
    }

    /// Whether `name` can be an identity: at most 256 bytes without control characters.
    static func isUsable(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 256 && name.isPrintable
            && name.first?.isWhitespace == false && name.last?.isWhitespace == false
    }
}

/// Why somebody is not let in, although everything works.
struct OAuth2Refusal: Error, Hashable {
    let code: MessageCode
    /// For the log only.
    let reason: String

    init(_ code: MessageCode, _ reason: String = "") {
        self.code = code
        self.reason = reason
    }
}

extension String {
    /// Without control and format characters, which terminals obey.
    var isPrintable: Bool {
        unicodeScalars.allSatisfy {
            switch $0.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
                false
            default: true
            }
        }
    }

    /// A provider's own words for the log: one line of at most 200 characters.
    var providerWords: String {
        String(prefix(200).map { String($0).isPrintable ? $0 : " " })
    }
}
