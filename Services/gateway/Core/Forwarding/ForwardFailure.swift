import SharedMessages
import SharedSSH

/// Why something was not forwarded, in the words of the log, the wire and the person.
enum ForwardFailure {
    /// The code to log: that of a rule that forbade it, or of forwarding itself.
    static func code(of error: any Error, fallback: MessageCode) -> MessageCode {
        if error is OperationUnsupported { return .forwardUnsupported }
        let code = (error as? CodedError)?.code
        guard let code, code.isForwardingsOwn else { return fallback }
        return code
    }

    /// What the person reads: the innermost reason that has words for them.
    static func text(_ error: any Error, _ code: MessageCode) -> String {
        guard let coded = error as? CodedError else { return personText(code, nil) }
        return personText(coded.code, coded.personText)
    }

    /// The reason the client is given: that of another server which refused, or the code's own.
    static func reason(_ error: any Error, _ code: MessageCode) -> ChannelOpenFailureReason {
        let refusal = (error as? CodedError)?.cause as? ChannelOpenRefused
        return refusal.flatMap { ChannelOpenFailureReason(rawValue: $0.reason) } ?? code.openFailure
    }
}

extension MessageCode {
    fileprivate var isForwardingsOwn: Bool {
        id.hasPrefix("FORWARD_") || id.hasPrefix("SECURITY_")
    }

    /// RFC 4254 §5.1.
    var openFailure: ChannelOpenFailureReason {
        let isForbidden = id.hasPrefix("SECURITY_") || self == .forwardUnsupported
        return isForbidden ? .administrativelyProhibited : .connectFailed
    }
}
