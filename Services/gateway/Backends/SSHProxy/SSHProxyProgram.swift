import GatewayCore
import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// A program on the target.
final class SSHProxyProgram: Program {
    private let channel: FarChannel

    init(channel: FarChannel) { self.channel = channel }

    /// Whether its session is closed and its output was taken.
    var isOver: Bool { channel.isClosed && channel.isAtEnd }

    func nextOutput() async throws -> ProgramOutput? { try await channel.next() }

    func write(_ bytes: ByteBuffer) async throws -> Bool { try await channel.write(bytes) }

    /// Also with a terminal: what it means there is for the target to say.
    func closeInput() async {
        channel.connection.logger.emit(.sshproxySessionClose)
        channel.sendEOF()
    }

    func closeOutput() async { channel.request(.endOfWrite, wantsReply: false) { _ in } }

    func resize(_ size: WindowSize) async throws {
        try send(.windowChange(size), else: .sshproxyBackendWindowChangeFailed, "session is over")
    }

    func sendBreak(milliseconds: UInt32) async throws {
        guard try await channel.ask(.breakSignal(milliseconds: milliseconds)) else {
            throw OperationUnsupported(operation: "break")
        }
    }

    func signal(_ name: String) async throws {
        let code = MessageCode.sshproxyBackendSignalFailed
        guard Self.isSignal(name) else { throw failure(code, "unknown signal \(name)") }
        guard !channel.exit.isSettled else { throw failure(code, "the program has ended") }
        try send(.signal(name: name), else: code, "session is over")
    }

    func exit() async throws -> ProgramExit { try await channel.exit.value() }

    /// As `exit()`; throws `TransportTimeout` when it takes longer.
    func exit(within time: Duration) async throws -> ProgramExit {
        try await channel.exit.value(within: time, late: TransportTimeout())
    }

    func terminate() async {
        if !channel.exit.isSettled, !channel.isClosed {
            channel.request(.signal(name: "KILL"), wantsReply: false) { _ in }
        }
        channel.close(failureCode: .sshproxySessionCloseFailed)
    }

    private func send(_ request: SessionRequest, else code: MessageCode, _ detail: String) throws {
        guard !channel.isClosed else { throw failure(code, detail) }
        channel.request(request, wantsReply: false) { _ in }
    }

    private func failure(_ code: MessageCode, _ detail: String) -> CodedError {
        channel.connection.logger.emit(code, ["reason": "\(detail)"])
        return CodedError(code, detail: detail)
    }

    /// RFC 4254 §6.10; others have the name of who defined them.
    private static func isSignal(_ name: String) -> Bool {
        signals.contains(name) || name.contains("@")
    }

    private static let signals: Set = [
        "ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM",
        "USR1", "USR2",
    ]
}
