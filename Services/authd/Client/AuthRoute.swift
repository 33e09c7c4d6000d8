package import SharedModels

/// The questions of the authentication webhook, each with a path of its own.
package enum AuthRoute: String, Sendable, CaseIterable {
    case password = "/password"
    case publicKey = "/pubkey"
    case certificate = "/certificate"
    case authorization = "/authz"

    /// Longest request that is accepted: metadata and files of earlier answers come back in it.
    package static let longestRequest = 4 << 20

    package init(_ question: AuthQuestion) {
        switch question {
        case .password: self = .password
        case .publicKey: self = .publicKey
        case .certificate: self = .certificate
        case .authorization: self = .authorization
        }
    }
}
