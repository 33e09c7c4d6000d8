extension AuditEvent {
    /// The `requestType` under which a gap is written.
    static let gapRequestType = "recording-gap@berth"
    /// The `requestType` under which the container's name is written.
    static let containerRequestType = "container@berth"
    /// The `requestType` under which a login by Kerberos is written.
    static let kerberosRequestType = "gssapi@berth"

    /// The payload's keys and values in written order; `nil` for messages without payload.
    var fields: [AuditField.Entry]? {
        switch self {
        case .disconnect, .closeWrite, .close: nil
        case .connect(let address, let country):
            [.init("remoteAddr", .text(address)), .init("country", .text(country))]
        case .passwordAttempt, .passwordAccepted, .passwordRefused, .passwordUnavailable,
            .publicKeyAttempt, .publicKeyAccepted, .publicKeyRefused, .publicKeyUnavailable,
            .challenge, .challengeAnswer, .challengeRefused, .challengeUnavailable,
            .handshakeFailed, .handshakeSuccessful:
            authenticationFields
        case .unknownGlobalRequest, .malformedGlobalRequest, .forwardTCP, .cancelForwardTCP,
            .forwardSocket, .cancelForwardSocket, .gap, .container, .kerberos:
            globalFields
        case .newChannel, .newChannelAccepted, .newChannelRefused, .directTCP, .forwardedTCP,
            .x11Channel, .directSocket, .forwardedSocket:
            channelFields
        default: requestFields
        }
    }

    private var authenticationFields: [AuditField.Entry]? {
        switch self {
        case .passwordAttempt(let username, let password),
            .passwordAccepted(let username, let password),
            .passwordRefused(let username, let password):
            [.init("username", .text(username)), .init("password", .bytes(password))]
        case .passwordUnavailable(let username, let password, let reason):
            [
                .init("username", .text(username)), .init("password", .bytes(password)),
                .init("reason", .text(reason)),
            ]
        case .publicKeyAttempt(let username, let key), .publicKeyAccepted(let username, let key),
            .publicKeyRefused(let username, let key):
            [.init("username", .text(username)), .init("key", .text(key))]
        case .publicKeyUnavailable(let username, let key, let reason):
            [
                .init("username", .text(username)), .init("key", .text(key)),
                .init("reason", .text(reason)),
            ]
        case .challenge(let username, let instruction, let questions):
            [
                .init("username", .text(username)), .init("instruction", .text(instruction)),
                .init("questions", .list(questions?.map(\.fields))),
            ]
        case .challengeAnswer(let username, let answers):
            [
                .init("username", .text(username)),
                .init("answers", .list(answers?.map(\.fields))),
            ]
        case .challengeRefused(let username): [.init("Username", .text(username))]
        case .challengeUnavailable(let username, let reason):
            [.init("username", .text(username)), .init("reason", .text(reason))]
        case .handshakeFailed(let reason): [.init("reason", .text(reason))]
        case .handshakeSuccessful(let username): [.init("username", .text(username))]
        default: nil
        }
    }

    private var globalFields: [AuditField.Entry]? {
        switch self {
        case .unknownGlobalRequest(let type): [.init("requestType", .text(type))]
        case .malformedGlobalRequest(let id, let type, let payload, let reason):
            [
                .init("requestId", .number(id)), .init("requestType", .text(type)),
                .init("payload", .bytes(payload)), .init("reason", .text(reason)),
            ]
        case .forwardTCP(let host, let port), .cancelForwardTCP(let host, let port):
            [.init("BindHost", .text(host)), .init("BindPort", .number(UInt64(port)))]
        case .forwardSocket(let path), .cancelForwardSocket(let path):
            [.init("Path", .text(path))]
        case .gap(let messages, let bytes):
            [
                .init("requestType", .text(Self.gapRequestType)),
                .init("lostMessages", .number(messages)), .init("lostBytes", .number(bytes)),
            ]
        case .container(let name):
            [
                .init("requestType", .text(Self.containerRequestType)),
                .init("container", .text(name)),
            ]
        case .kerberos(let username, let outcome, let reason):
            [
                .init("requestType", .text(Self.kerberosRequestType)),
                .init("username", .text(username)), .init("outcome", .text(outcome.rawValue)),
                .init("reason", .text(reason)),
            ]
        default: nil
        }
    }

    private var channelFields: [AuditField.Entry]? {
        switch self {
        case .newChannel(let type), .newChannelAccepted(let type):
            [.init("channelType", .text(type))]
        case .newChannelRefused(let type, let reason):
            [.init("channelType", .text(type)), .init("reason", .text(reason))]
        case .directTCP(let host, let port, let originator, let originatorPort):
            [
                .init("HostToConnect", .text(host)), .init("PortToConnect", .number(UInt64(port))),
                .init("OriginatorHost", .text(originator)),
                .init("OriginatorPort", .number(UInt64(originatorPort))),
            ]
        case .forwardedTCP(let host, let port, let originator, let originatorPort):
            [
                .init("ConnectedHost", .text(host)), .init("ConnectedPort", .number(UInt64(port))),
                .init("OriginatorHost", .text(originator)),
                .init("OriginatorPort", .number(UInt64(originatorPort))),
            ]
        case .x11Channel(let host, let port):
            [
                .init("OriginatorHost", .text(host)),
                .init("OriginatorPort", .number(UInt64(port))),
            ]
        case .directSocket(let path), .forwardedSocket(let path): [.init("Path", .text(path))]
        default: nil
        }
    }

    private var requestFields: [AuditField.Entry]? {
        switch self {
        case .unknownRequest(let id, let type, let payload):
            [
                .init("requestId", .number(id)), .init("requestType", .text(type)),
                .init("payload", .bytes(payload)),
            ]
        case .malformedRequest(let id, let type, let payload, let reason):
            [
                .init("requestId", .number(id)), .init("requestType", .text(type)),
                .init("payload", .bytes(payload)), .init("reason", .text(reason)),
            ]
        case .environment(let id, let name, let value):
            [
                .init("requestId", .number(id)), .init("name", .text(name)),
                .init("value", .text(value)),
            ]
        case .exec(let id, let program):
            [.init("requestId", .number(id)), .init("program", .text(program))]
        case .terminal(let id, let term, let size, let modes):
            [.init("requestId", .number(id)), .init("term", .text(term))] + size.fields
                + [.init("modelist", .bytes(modes))]
        case .shell(let id): [.init("requestId", .number(id))]
        case .signal(let id, let name):
            [.init("requestId", .number(id)), .init("signal", .text(name))]
        case .subsystem(let id, let name):
            [.init("requestId", .number(id)), .init("subsystem", .text(name))]
        case .windowChange(let id, let size): [.init("requestId", .number(id))] + size.fields
        case .x11Request(let id, let x11): [.init("requestId", .number(id))] + x11.fields
        case .exitSignal(let name, let coreDumped, let message, let language):
            [
                .init("signal", .text(name)), .init("coreDumped", .flag(coreDumped)),
                .init("errorMessage", .text(message)), .init("languageTag", .text(language)),
            ]
        case .exit(let status): [.init("exitStatus", .number(UInt64(status)))]
        case .io(let stream, let data):
            [.init("stream", .number(stream.number)), .init("data", .data(data))]
        case .requestFailed(let id, let reason):
            [.init("requestId", .number(id)), .init("reason", .text(reason))]
        default: nil
        }
    }
}

extension AuditEvent.Question {
    fileprivate var fields: [AuditField.Entry] {
        [.init("question", .text(question)), .init("echo", .flag(echo))]
    }
}

extension AuditEvent.Answer {
    fileprivate var fields: [AuditField.Entry] {
        [.init("question", .text(question)), .init("answer", .text(answer))]
    }
}

extension AuditEvent.Size {
    fileprivate var fields: [AuditField.Entry] {
        [
            .init("columns", .number(UInt64(columns))), .init("rows", .number(UInt64(rows))),
            .init("width", .number(UInt64(width))), .init("height", .number(UInt64(height))),
        ]
    }
}

extension AuditEvent.X11 {
    fileprivate var fields: [AuditField.Entry] {
        [
            .init("singleConnection", .flag(singleConnection)),
            .init("authProtocol", .text(authProtocol)), .init("cookie", .text(cookie)),
            .init("screen", .number(UInt64(screen))),
        ]
    }
}
