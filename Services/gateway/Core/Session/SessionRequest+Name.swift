package import SharedSSH

extension SessionRequest {
    /// The request's name on the wire (RFC 4254 §6), for log and recording.
    package var typeName: String {
        switch self {
        case .environment: "env"
        case .pty: "pty-req"
        case .shell: "shell"
        case .exec: "exec"
        case .subsystem: "subsystem"
        case .windowChange: "window-change"
        case .signal: "signal"
        case .unsupported(let type, _): type
        }
    }
}
