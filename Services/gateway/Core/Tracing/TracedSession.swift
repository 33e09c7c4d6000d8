import SharedSSH
import SharedTracing

/// A session channel with a span of its own, `ssh.session`, from its opening to its end. What its
/// requests cause is below it.
struct TracedSession: SessionHandler {
    let next: any SessionHandler
    let span: Span
    let trace: LoginTrace

    func handle(_ request: SessionRequest) async -> Bool {
        if let kind = request.programKind { span.set(.program, .string(kind)) }
        return await span.run { await next.handle(request) }
    }

    func closed() async {
        await span.run { await next.closed() }
        span.end()
        trace.over(.programEnded)
    }
}

extension SessionRequest {
    /// What kind of program it starts; `nil` for other requests.
    fileprivate var programKind: String? {
        switch self {
        case .shell: "shell"
        case .exec: "exec"
        case .subsystem: "subsystem"
        default: nil
        }
    }
}
