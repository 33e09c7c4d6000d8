extension AuditEvent {
    typealias Reader = @Sendable (FieldReader) throws(AuditMessageError) -> AuditEvent

    /// How to read the payload of each message type.
    static let readers: [Int64: Reader] = authenticationReaders.merging(globalReaders) { a, _ in a }
        .merging(channelReaders) { a, _ in a }.merging(requestReaders) { a, _ in a }

    private static let authenticationReaders: [Int64: Reader] = [
        0: { f throws(AuditMessageError) in
            .connect(remoteAddress: try f.text("remoteAddr"), country: try f.text("country"))
        },
        1: { _ throws(AuditMessageError) in .disconnect },
        100: { f throws(AuditMessageError) in
            .passwordAttempt(username: try f.username, password: try f.bytes("password"))
        },
        101: { f throws(AuditMessageError) in
            .passwordAccepted(username: try f.username, password: try f.bytes("password"))
        },
        102: { f throws(AuditMessageError) in
            .passwordRefused(username: try f.username, password: try f.bytes("password"))
        },
        103: { f throws(AuditMessageError) in
            .passwordUnavailable(
                username: try f.username,
                password: try f.bytes("password"),
                reason: try f.reason
            )
        },
        104: { f throws(AuditMessageError) in
            .publicKeyAttempt(username: try f.username, key: try f.text("key"))
        },
        105: { f throws(AuditMessageError) in
            .publicKeyAccepted(username: try f.username, key: try f.text("key"))
        },
        106: { f throws(AuditMessageError) in
            .publicKeyRefused(username: try f.username, key: try f.text("key"))
        },
        107: { f throws(AuditMessageError) in
            .publicKeyUnavailable(
                username: try f.username,
                key: try f.text("key"),
                reason: try f.reason
            )
        },
        108: { f throws(AuditMessageError) in
            .challenge(
                username: try f.username,
                instruction: try f.text("instruction"),
                questions: try f.questions
            )
        },
        109: { f throws(AuditMessageError) in
            .challengeAnswer(username: try f.username, answers: try f.answers)
        },
        110: { f throws(AuditMessageError) in .challengeRefused(username: try f.username) },
        111: { f throws(AuditMessageError) in
            .challengeUnavailable(username: try f.username, reason: try f.reason)
        },
        198: { f throws(AuditMessageError) in .handshakeFailed(reason: try f.reason) },
        199: { f throws(AuditMessageError) in .handshakeSuccessful(username: try f.username) },
    ]

    private static let globalReaders: [Int64: Reader] = [
        200: { f throws(AuditMessageError) in
            let type = try f.text("requestType")
            // A client may ask for something of the same name; then our keys are missing.
            switch type {
            case gapRequestType where f["lostMessages"] != nil:
                return .gap(
                    lostMessages: try f.number("lostMessages"),
                    lostBytes: try f.number("lostBytes")
                )
            case containerRequestType where f["container"] != nil:
                return .container(name: try f.text("container"))
            case kerberosRequestType:
                guard let outcome = Outcome(rawValue: try f.text("outcome")) else { break }
                return .kerberos(username: try f.username, outcome, reason: try f.reason)
            default: break
            }
            return .unknownGlobalRequest(type: type)
        },
        201: { f throws(AuditMessageError) in
            .malformedGlobalRequest(
                requestID: try f.requestID,
                type: try f.text("requestType"),
                payload: try f.bytes("payload"),
                reason: try f.reason
            )
        },
        202: { f throws(AuditMessageError) in
            .forwardTCP(bindHost: try f.text("BindHost"), bindPort: try f.number32("BindPort"))
        },
        203: { f throws(AuditMessageError) in
            .cancelForwardTCP(
                bindHost: try f.text("BindHost"),
                bindPort: try f.number32("BindPort")
            )
        },
        204: { f throws(AuditMessageError) in .forwardSocket(path: try f.text("Path")) },
        205: { f throws(AuditMessageError) in .cancelForwardSocket(path: try f.text("Path")) },
    ]

    private static let channelReaders: [Int64: Reader] = [
        300: { f throws(AuditMessageError) in .newChannel(type: try f.text("channelType")) },
        301: { f throws(AuditMessageError) in
            .newChannelAccepted(type: try f.text("channelType"))
        },
        302: { f throws(AuditMessageError) in
            .newChannelRefused(type: try f.text("channelType"), reason: try f.reason)
        },
        303: { f throws(AuditMessageError) in
            .directTCP(
                host: try f.text("HostToConnect"),
                port: try f.number32("PortToConnect"),
                originatorHost: try f.text("OriginatorHost"),
                originatorPort: try f.number32("OriginatorPort")
            )
        },
        304: { f throws(AuditMessageError) in
            .forwardedTCP(
                host: try f.text("ConnectedHost"),
                port: try f.number32("ConnectedPort"),
                originatorHost: try f.text("OriginatorHost"),
                originatorPort: try f.number32("OriginatorPort")
            )
        },
        305: { f throws(AuditMessageError) in
            .x11Channel(
                originatorHost: try f.text("OriginatorHost"),
                originatorPort: try f.number32("OriginatorPort")
            )
        },
        306: { f throws(AuditMessageError) in .directSocket(path: try f.text("Path")) },
        307: { f throws(AuditMessageError) in .forwardedSocket(path: try f.text("Path")) },
    ]

    private static let requestReaders: [Int64: Reader] = [
        400: { f throws(AuditMessageError) in
            .unknownRequest(
                requestID: try f.requestID,
                type: try f.text("requestType"),
                payload: try f.bytes("payload")
            )
        },
        401: { f throws(AuditMessageError) in
            .malformedRequest(
                requestID: try f.requestID,
                type: try f.text("requestType"),
                payload: try f.bytes("payload"),
                reason: try f.reason
            )
        },
        402: { f throws(AuditMessageError) in
            .environment(
                requestID: try f.requestID,
                name: try f.text("name"),
                value: try f.text("value")
            )
        },
        403: { f throws(AuditMessageError) in
            .exec(requestID: try f.requestID, program: try f.text("program"))
        },
        404: { f throws(AuditMessageError) in
            .terminal(
                requestID: try f.requestID,
                term: try f.text("term"),
                size: try f.size,
                modes: try f.bytes("modelist")
            )
        },
        405: { f throws(AuditMessageError) in .shell(requestID: try f.requestID) },
        406: { f throws(AuditMessageError) in
            .signal(requestID: try f.requestID, name: try f.text("signal"))
        },
        407: { f throws(AuditMessageError) in
            .subsystem(requestID: try f.requestID, name: try f.text("subsystem"))
        },
        408: { f throws(AuditMessageError) in
            .windowChange(requestID: try f.requestID, size: try f.size)
        },
        409: { f throws(AuditMessageError) in
            .x11Request(
                requestID: try f.requestID,
                X11(
                    singleConnection: try f.flag("singleConnection"),
                    authProtocol: try f.text("authProtocol"),
                    cookie: try f.text("cookie"),
                    screen: try f.number32("screen")
                )
            )
        },
        496: { _ throws(AuditMessageError) in .closeWrite },
        497: { _ throws(AuditMessageError) in .close },
        498: { f throws(AuditMessageError) in
            .exitSignal(
                name: try f.text("signal"),
                coreDumped: try f.flag("coreDumped"),
                message: try f.text("errorMessage"),
                languageTag: try f.text("languageTag")
            )
        },
        499: { f throws(AuditMessageError) in .exit(status: try f.number32("exitStatus")) },
        500: { f throws(AuditMessageError) in
            .io(Stream(number: try f.number("stream")), try f.data("data"))
        },
        501: { f throws(AuditMessageError) in
            .requestFailed(requestID: try f.requestID, reason: try f.reason)
        },
    ]
}

/// Keys that several messages have.
extension FieldReader {
    fileprivate var username: String {
        get throws(AuditMessageError) { try text("username") }
    }

    fileprivate var reason: String {
        get throws(AuditMessageError) { try text("reason") }
    }

    fileprivate var requestID: UInt64 {
        get throws(AuditMessageError) { try number("requestId") }
    }

    fileprivate var size: AuditEvent.Size {
        get throws(AuditMessageError) {
            AuditEvent.Size(
                columns: try number32("columns"),
                rows: try number32("rows"),
                width: try number32("width"),
                height: try number32("height")
            )
        }
    }

    fileprivate var questions: [AuditEvent.Question]? {
        get throws(AuditMessageError) {
            guard let list = try list("questions") else { return nil }
            var questions: [AuditEvent.Question] = []
            for entry in list {
                questions.append(.init(try entry.text("question"), echo: try entry.flag("echo")))
            }
            return questions
        }
    }

    fileprivate var answers: [AuditEvent.Answer]? {
        get throws(AuditMessageError) {
            guard let list = try list("answers") else { return nil }
            var answers: [AuditEvent.Answer] = []
            for entry in list {
                answers.append(
                    .init(try entry.text("question"), answer: try entry.text("answer"))
                )
            }
            return answers
        }
    }
}
