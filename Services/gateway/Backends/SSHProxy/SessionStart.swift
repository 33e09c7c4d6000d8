import GatewayCore
import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH

/// Opens a session on the target and starts a program in it.
struct SessionStart {
    let kind: ProgramRequest.Kind
    let environment: [(name: String, value: RawText)]
    let pty: PTYRequest?
    /// To be asked for before the program starts.
    let extras: [SessionRequest]

    /// - Throws: `CodedError`, with the target's text where it has one.
    func run(_ connection: FarConnection, _ loop: any EventLoop) async throws -> SSHProxyProgram {
        connection.logger.emit(.sshproxySession)
        let channel = FarChannel(
            .session(hasTerminal: pty != nil),
            connection: connection,
            loop: loop
        )
        do {
            try await channel.open(.session)
        } catch let refusal as FarRefusal {
            connection.logger.emit(.sshproxyBackendSessionFailed, ["reason": "\(refusal)"])
            throw CodedError(
                .sshproxyBackendSessionFailed,
                detail: refusal.description,
                personText: "The target server did not open a session: \(refusal.text)"
            )
        }
        connection.logger.emit(.sshproxySessionOpen)
        do {
            try await prepare(channel)
            try await demand(program, of: channel)
        } catch {
            connection.logger.emit(.sshproxyBackendSessionClosing)
            channel.close(failureCode: .sshproxyBackendSessionCloseFailed)
            throw error
        }
        return SSHProxyProgram(channel: channel)
    }

    /// Everything before the program. What the program can do without is not waited for.
    private func prepare(_ channel: FarChannel) async throws {
        for (name, value) in latest {
            let variable = SessionRequest.environment(name: name, value: value)
            if name == ForcedCommand.variable {
                try await tellOriginal(variable, of: channel)
            } else {
                wish(variable, of: channel)
            }
        }
        for extra in extras { wish(extra, of: channel) }
        guard let pty else { return }
        try await demand(.pty(pty), of: channel)
    }

    /// A forced command that does not learn of the original one would do something else.
    private func tellOriginal(_ variable: SessionRequest, of channel: FarChannel) async throws {
        guard try await !channel.ask(variable) else { return }
        channel.connection.logger.emit(.securityExecFailedSetenv)
        throw CodedError(.securityExecFailedSetenv, detail: variable.label)
    }

    /// As sshd does it: the later of two values counts.
    private var latest: [(name: String, value: RawText)] {
        var last: [String: Int] = [:]
        for (index, variable) in environment.enumerated() { last[variable.name] = index }
        return environment.enumerated().filter { last[$0.element.name] == $0.offset }
            .map(\.element)
    }

    private var program: SessionRequest {
        switch kind {
        case .shell: .shell
        case .exec(let command): .exec(command: command)
        case .subsystem(let name): .subsystem(name: name)
        }
    }

    /// Asks, and takes no for an answer, as ssh(1) does with variables.
    private func wish(_ request: SessionRequest, of channel: FarChannel) {
        let logger = channel.connection.logger
        channel.request(request, wantsReply: true) { accepted in
            guard accepted == false else { return }
            if case .x11 = request { logger.emit(.sshproxyX11Failed) }
            logger.emit(.sshproxyBackendRequestFailed, ["request": "\(request.label)"])
        }
    }

    private func demand(_ request: SessionRequest, of channel: FarChannel) async throws {
        let accepted = try await channel.ask(request)
        guard !accepted else { return }
        channel.connection.logger.emit(
            .sshproxyBackendRequestFailed,
            ["request": "\(request.label)"]
        )
        throw CodedError(
            .sshproxyBackendRequestFailed,
            detail: request.label,
            personText: request.refusedText
        )
    }
}

extension SessionRequest {
    /// For the log, without values.
    fileprivate var label: String {
        switch self {
        case .environment(let name, _): "env \(Farewell.printable(name))"
        case .subsystem(let name): "subsystem \(Farewell.printable(name.text))"
        default: wire(wantsReply: false).type
        }
    }

    fileprivate var refusedText: String {
        switch self {
        case .pty: "The target server gives no terminal."
        case .shell: "The target server gives no shell."
        case .exec: "The target server runs no commands."
        case .subsystem(let name):
            "The target server does not have the subsystem \(Farewell.printable(name.text))."
        default: "The target server cannot complete the request."
        }
    }
}
