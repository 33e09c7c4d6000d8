import NIOCore

/// Session requests between their wire form and their meaning (RFC 4254 §6, RFC 4335).
extension SessionRequest {
    /// What a channel request asks of a session; `.unsupported` when nobody knows it, `.malformed`
    /// when its payload does not parse.
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
            self = .malformed(type: request.type, payload: request.payload)
        }
    }

    private static func read(
        _ type: String,
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self? {
        switch type {
        case "env":
            .environment(
                name: try payload.readSSHText(),
                value: RawText(try payload.readSSHBytes())
            )
        case "pty-req":
            .pty(
                PTYRequest(
                    term: try payload.readSSHText(),
                    size: try WindowSize(reading: &payload),
                    modes: try payload.readSSHBytes()
                )
            )
        case "shell": .shell
        case "exec": .exec(command: RawText(try payload.readSSHBytes()))
        case "subsystem": .subsystem(name: RawText(try payload.readSSHBytes()))
        case "window-change": .windowChange(try WindowSize(reading: &payload))
        case "signal": .signal(name: try payload.readSSHText())
        case "x11-req": .x11(try X11Request(reading: &payload))
        case "auth-agent-req@openssh.com": .agentForwarding
        case "break": .breakSignal(milliseconds: try payload.readSSHUInt32())
        case "eow@openssh.com": .endOfWrite
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
            payload.writeSSHString(value.bytes)
        case .pty(let pty):
            type = "pty-req"
            payload.writeSSHString(pty.term)
            pty.size.write(into: &payload)
            payload.writeSSHString(pty.modes)
        case .shell:
            type = "shell"
        case .exec(let command):
            type = "exec"
            payload.writeSSHString(command.bytes)
        case .subsystem(let name):
            type = "subsystem"
            payload.writeSSHString(name.bytes)
        case .windowChange(let size):
            type = "window-change"
            size.write(into: &payload)
        case .signal(let name):
            type = "signal"
            payload.writeSSHString(name)
        case .x11(let x11):
            type = "x11-req"
            x11.write(into: &payload)
        case .agentForwarding:
            type = "auth-agent-req@openssh.com"
        case .breakSignal(let milliseconds):
            type = "break"
            payload.writeInteger(milliseconds)
        case .endOfWrite:
            type = "eow@openssh.com"
        case .unsupported(let other, let bytes), .malformed(let other, let bytes):
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

extension X11Request {
    init(reading payload: inout ByteBuffer) throws(WireError) {
        isSingleConnection = try payload.readSSHBoolean()
        protocolName = try payload.readSSHText(limit: 256)
        cookie = try payload.readSSHText(limit: 4096)
        screen = try payload.readSSHUInt32()
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeSSHBoolean(isSingleConnection)
        buffer.writeSSHString(protocolName)
        buffer.writeSSHString(cookie)
        buffer.writeInteger(screen)
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
