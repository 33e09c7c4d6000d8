import CProcess
import GatewayCore
import SharedConfig
import SharedMessages
import SharedSSH

/// What the sandbox's first process is asked to listen on, and what becomes of its answer.
struct ListenPlan: Sendable {
    private enum Kind: Sendable {
        case tcp(host: String, port: UInt16)
        case socket(path: String)
        case display(X11Request)
        case agent(path: String)
    }

    private let kind: Kind
    private let hostname: String

    /// The first display, as with sshd (sshd_config(5), X11DisplayOffset).
    private static let firstDisplay: UInt32 = 10
    /// The user's own, where nobody else can look.
    private static let folder = "/run/user/\(Account.number)"

    init(_ place: ListenPlace, _ config: SandboxConfig) throws(CodedError) {
        hostname = config.hostname
        switch place {
        case .tcp(let host, let port):
            kind = .tcp(host: Self.host(host, config.network), port: port)
        case .unixSocket(let path):
            kind = .socket(path: path)
        case .x11(let request):
            guard XAuthority.file(for: request, hostname: hostname, display: 0) != nil else {
                throw CodedError(.sandboxListenFailed, detail: "the X11 cookie is malformed")
            }
            kind = .display(request)
        case .agent:
            let name = String(UInt64.random(in: .min ... .max), radix: 36)
            kind = .agent(path: "\(Self.folder)/agent-\(name).sock")
        }
    }

    /// On the host's network nothing but the loopback addresses, whatever was asked for (as sshd
    /// does it without GatewayPorts); in a network of its own a sandbox may listen everywhere.
    private static func host(_ asked: String, _ network: SandboxConfig.Network) -> String {
        switch network {
        case .host: "localhost"
        case .none: asked == "*" ? "" : asked
        }
    }

    /// As `berth_listen` says.
    var payload: [UInt8] {
        var header = berth_listen()
        var name = ""
        switch kind {
        case .tcp(let host, let port):
            header.kind = UInt32(BERTH_LISTEN_TCP)
            header.port = UInt32(port)
            name = host
        case .socket(let path), .agent(let path):
            header.kind = UInt32(BERTH_LISTEN_UNIX)
            name = path
        case .display:
            header.kind = UInt32(BERTH_LISTEN_DISPLAY)
            header.port = Self.firstDisplay
        }
        return unsafe withUnsafeBytes(of: header) { unsafe Array($0) } + Array(name.utf8) + [0]
    }

    // MARK: - The answer, a port or a display

    func port(_ answer: Int32) -> UInt16? {
        if case .tcp = kind { UInt16(exactly: answer) } else { nil }
    }

    /// The file of the socket, for its removal.
    func socketPath(_ answer: Int32) -> String? {
        switch kind {
        case .tcp: nil
        case .socket(let path), .agent(let path): path
        case .display: "/tmp/.X11-unix/X\(answer)"
        }
    }

    func environment(_ answer: Int32) -> [(name: String, value: String)] {
        switch kind {
        case .tcp, .socket: []
        case .agent(let path): [(name: "SSH_AUTH_SOCK", value: path)]
        case .display(let request):
            [
                (name: "DISPLAY", value: ":\(answer).\(request.screen)"),
                (name: "XAUTHORITY", value: authorityPath(answer)),
            ]
        }
    }

    /// The file with the display's cookie.
    func authority(_ answer: Int32) -> WorkspaceFile? {
        guard case .display(let request) = kind,
            let content = XAuthority.file(
                for: request,
                hostname: hostname,
                display: Int(answer)
            )
        else { return nil }
        return WorkspaceFile(path: authorityPath(answer), content: content)
    }

    private func authorityPath(_ answer: Int32) -> String { "\(Self.folder)/xauthority-\(answer)" }
}
