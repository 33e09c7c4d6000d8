package import GatewayCore
import SharedMessages
import SharedSSH

extension AgentLink {
    /// The first display, as with sshd (sshd_config(5), X11DisplayOffset), and how many are tried.
    private static let displays: ClosedRange<UInt16> = 10...1000
    private static let firstDisplayPort: UInt16 = 6000
    /// How often a port that is free for one family is looked for to be free for the other.
    private static let mostPorts = 10
    /// Sockets are their owner's alone.
    private static let socketMode: UInt16 = 0o600
    private static let addressInUse: UInt32 = 98  // EADDRINUSE

    /// Accepts connections inside the container.
    ///
    /// A display is a TCP port of the loopback address, as with sshd, and a cookie's file below
    /// `/tmp`; an agent's socket is there too. Throws `AGENT_LISTEN_FAILED`.
    package func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        do {
            switch place {
            case .tcp("localhost", let port): return try await listenLocally(port)
            case .tcp(let host, let port):
                let (id, port) = try await bind(.tcp(host: host, port: port))
                return AgentListener(ids: [id], port: port)
            case .unixSocket(let path):
                let (id, _) = try await bind(.unixSocket(path))
                return AgentListener(ids: [id], port: nil)
            case .agent: return try await listenAsAgent()
            case .x11(let request): return try await listenAsDisplay(request)
            }
        } catch let refusal as AgentRefusal {
            throw CodedError(.agentListenFailed, detail: refusal.description, cause: refusal)
        } catch is TooManyIDs {
            throw CodedError(.agentListenFailed, detail: "too many things at a time")
        }
    }

    private func bind(
        _ place: Place,
        deliveringTo target: AgentID? = nil
    ) async throws -> (AgentID, UInt16) {
        let id = AgentID(
            self,
            try begin(.listener, FrameKind.listen, place) { $0.integer(Self.socketMode) }
        )
        if let target {
            try change { [number = id.number, target = target.number] machine in
                machine.items[number]?.deliversTo = target
            }
        }
        return (id, UInt16(truncatingIfNeeded: try await id.answer()))
    }

    /// Both families' loopback addresses, on one port.
    private func listenLocally(_ asked: UInt16) async throws -> AgentListener {
        var tries = 1
        while true {
            let (four, port) = try await bind(.tcp(host: "127.0.0.1", port: asked))
            do {
                let (six, _) = try await bind(
                    .tcp(host: "::1", port: port),
                    deliveringTo: four
                )
                return AgentListener(ids: [four, six], port: port)
            } catch let refusal as AgentRefusal {
                guard refusal.number == Self.addressInUse else {
                    // A container without IPv6.
                    return AgentListener(ids: [four], port: port)
                }
                guard asked == 0, tries < Self.mostPorts else { throw refusal }
                tries += 1
            }
        }
    }

    private func listenAsAgent() async throws -> AgentListener {
        let path = "/tmp/.berth-agent-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let (id, _) = try await bind(.unixSocket(path))
        return AgentListener(ids: [id], port: nil, environment: [("SSH_AUTH_SOCK", path)])
    }

    private func listenAsDisplay(_ request: X11Request) async throws -> AgentListener {
        // The cookie is looked at before anything is made.
        guard XAuthority.file(for: request, hostname: nil, display: 0) != nil else {
            throw CodedError(.agentListenFailed, detail: "the X11 cookie is malformed")
        }
        for number in Self.displays {
            let id: AgentID
            do {
                let port = Self.firstDisplayPort + number
                (id, _) = try await bind(.tcp(host: "127.0.0.1", port: port))
            } catch let refusal as AgentRefusal where refusal.number == Self.addressInUse {
                continue
            }
            return try await display(Int(number), request, id)
        }
        throw CodedError(.agentListenFailed, detail: "no display is free")
    }

    private func display(
        _ number: Int,
        _ request: X11Request,
        _ id: AgentID
    ) async throws -> AgentListener {
        // The same name for the next one with this display: few files remain.
        let path = "/tmp/.berth-xauthority-\(number)"
        let content = XAuthority.file(for: request, hostname: nil, display: number) ?? []
        try await putFile(WorkspaceFile(path: path, content: content))
        return AgentListener(
            ids: [id],
            port: nil,
            environment: [
                ("DISPLAY", "127.0.0.1:\(number).\(request.screen)"), ("XAUTHORITY", path),
            ]
        )
    }
}
