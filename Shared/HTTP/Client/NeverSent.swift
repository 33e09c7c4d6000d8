import CCurl
package import SharedMessages

extension CodedError {
    /// Whether a call failed before anything of it left this machine: there was nobody to talk to.
    package var wasNeverSent: Bool {
        guard let failure = cause as? CurlFailure else { return false }
        return [CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT].contains {
            $0.rawValue == failure.number
        }
    }
}
