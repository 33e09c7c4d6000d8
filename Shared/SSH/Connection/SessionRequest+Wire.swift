import NIOCore

/// Session requests between their wire form and their meaning (RFC 4254 §6, RFC 4335).
extension SessionRequest {
    /// What a channel request asks of a session; `.unsupported` when nobody knows it or its
    /// payload is malformed.
    package init(_ request: ChannelRequest) {
        var payload = request.payload
        do throws(WireError) {
            guard let known = try Self.read(request.type, &payload) else {
                self = .unsupported(type: request.type, payload: request.payload)
                return
            }
            try payload.requireSSHEnd()
            self = known
        } catch {
            self = .unsupported(type: request.type, payload: request.payload)
        }
    }

    private static func read(
        _ type: String,
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self? {
        switch type {
        case "env":
            .environment(name: try payload.readSSHText(), value: try payload.readSSHText())
        case "pty-req":
            .pty(
                PTYRequest(
                    term: try payload.readSSHText(),
                    size: try WindowSize(reading: &payload),
                    modes: try payload.readSSHBytes()
                )
            )
        case "shell": .shell
        case "exec": .exec(command: try payload.readSSHText())
        case "subsystem": .subsystem(name: try payload.readSSHText())
        case "window-change": .windowChange(try WindowSize(reading: &payload))
        case "signal": .signal(name: try payload.readSSHText())
        default: nil
        }
    }

    /// The request as a client sends it.
    package func wire(wantsReply: Bool) -> ChannelRequest {
        var payload = ByteBuffer()
        let type: String
        switch self {
        case .environment(let name, let value):
            type = "env"
            payload.writeSSHString(name)
            payload.writeSSHString(value)
        case .pty(let pty):
            type = "pty-req"
            payload.writeSSHString(pty.term)
            pty.size.write(into: &payload)
            payload.writeSSHString(pty.modes)
        case .shell:
            type = "shell"
        case .exec(let command):
            type = "exec"
            payload.writeSSHString(command)
        case .subsystem(let name):
            type = "subsystem"
            payload.writeSSHString(name)
        case .windowChange(let size):
            type = "window-change"
            size.write(into: &payload)
        case .signal(let name):
            type = "signal"
            payload.writeSSHString(name)
        case .unsupported(let other, let bytes):
            type = other
            payload = bytes
        }
        return ChannelRequest(type: type, wantsReply: wantsReply, payload: payload)
    }
}

extension WindowSize {
    init(reading payload: inout ByteBuffer) throws(WireError) {
        columns = try payload.readSSHUInt32()
        rows = try payload.readSSHUInt32()
        pixelWidth = try payload.readSSHUInt32()
        pixelHeight = try payload.readSSHUInt32()
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeInteger(columns)
        buffer.writeInteger(rows)
        buffer.writeInteger(pixelWidth)
        buffer.writeInteger(pixelHeight)
    }
}

/// How a program ended, as a server sends it (RFC 4254 §6.10).
extension ProgramExit {
    package var wire: ChannelRequest {
        var payload = ByteBuffer()
        switch self {
        case .status(let status):
            payload.writeInteger(status)
            return ChannelRequest(type: "exit-status", wantsReply: false, payload: payload)
        case .signal(let name, let coreDumped, let message):
            payload.writeSSHString(name)
            payload.writeSSHBoolean(coreDumped)
            payload.writeSSHString(message)
            payload.writeSSHString("")
            return ChannelRequest(type: "exit-signal", wantsReply: false, payload: payload)
        }
    }

    /// What a server's request says; `nil` when it is something else or malformed.
    package init?(_ request: ChannelRequest) {
        var payload = request.payload
        do throws(WireError) {
            switch request.type {
            case "exit-status":
                self = .status(try payload.readSSHUInt32())
            case "exit-signal":
                self = .signal(
                    name: try payload.readSSHText(),
                    coreDumped: try payload.readSSHBoolean(),
                    message: try payload.readSSHLossyText()
                )
            default:
                return nil
            }
        } catch {
            return nil
        }
    }
}
