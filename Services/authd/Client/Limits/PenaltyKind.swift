package import SharedConfig

/// Why a source was penalized.
package enum PenaltyKind: String, Sendable, Codable, CaseIterable {
    case noAuth
    case authFailure
    case invalidUser
    case graceExceeded
    case violation
    case refused
}

extension PenaltiesConfig {
    /// What a failure of this kind costs.
    package func time(for kind: PenaltyKind) -> Duration {
        switch kind {
        case .noAuth: noAuth
        case .authFailure: authFailure
        case .invalidUser: invalidUser
        case .graceExceeded: graceExceeded
        case .violation: violation
        case .refused: refused
        }
    }
}
