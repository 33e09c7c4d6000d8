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
        case .x11: "x11-req"
        case .agentForwarding: "auth-agent-req@openssh.com"
        case .breakSignal: "break"
        case .endOfWrite: "eow@openssh.com"
        case .unsupported(let type, _), .malformed(let type, _): type
        }
    }
}
