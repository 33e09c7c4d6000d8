package import GatewayCore
import SharedConfig
import SharedMessages

extension AgentLink {
    /// A place, as DIAL and LISTEN say it.
    enum Place: Sendable {
        case tcp(host: String, port: UInt16)
        case unixSocket(String)

        var text: String {
            switch self {
            case .tcp(let host, _): host
            case .unixSocket(let path): path
            }
        }

        func write(to frame: inout FrameWriter) {
            switch self {
            case .tcp(let host, let port): write(1, host, port, &frame)
            case .unixSocket(let path): write(2, path, 0, &frame)
            }
        }

        private func write(
            _ family: UInt8,
            _ name: String,
            _ port: UInt16,
            _ frame: inout FrameWriter
        ) {
            frame.integer(family)
            frame.string(Array(name.utf8))
            frame.integer(port)
        }
    }

    /// Connects to an address as seen from inside the container.
    ///
    /// Addresses are checked here; any other name is resolved by the container, which
    /// `permission` has to allow for the name alone. Throws `AGENT_DIAL_FAILED` or the
    /// permission's refusal.
    package func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        switch destination {
        case .unixSocket(let path): return try await connect(.unixSocket(path))
        case .tcp(let host, let port):
            var failure: any Error = CodedError(.agentDialFailed)
            for host in try permission.hosts(host, in: options.network) {
                do {
                    return try await connect(.tcp(host: host, port: port))
                } catch {
                    if Task.isCancelled { throw error }
                    failure = error
                }
            }
            throw failure
        }
    }

    private func connect(_ place: Place) async throws -> any WorkspaceStream {
        do {
            let timeout = UInt32(clamping: options.dialTimeout.components.seconds * 1000)
            let id = AgentID(
                self,
                try begin(.connection, FrameKind.dial, place) { $0.integer(timeout) }
            )
            _ = try await id.answer()
            return AgentStream(id)
        } catch let refusal as AgentRefusal {
            throw CodedError(.agentDialFailed, detail: refusal.description, cause: refusal)
        } catch is TooManyIDs {
            throw CodedError(.agentDialFailed, detail: "too many things at a time")
        }
    }

    func begin(
        _ kind: AgentItem.Kind,
        _ frameKind: UInt8,
        _ place: Place,
        rest: (inout FrameWriter) -> Void
    ) throws -> UInt32 {
        guard !place.text.utf8.contains(0) else {
            throw AgentRefusal(number: 22, text: "a NUL in the name")  // EINVAL
        }
        return try change { machine in
            let id = try machine.claim(kind)
            var frame = FrameWriter(frameKind, id, room: place.text.utf8.count + 16)
            place.write(to: &frame)
            rest(&frame)
            guard machine.send(frame) else {
                machine.items[id] = nil
                throw AgentRefusal(number: 36, text: "File name too long")  // ENAMETOOLONG
            }
            return id
        }
    }
}
