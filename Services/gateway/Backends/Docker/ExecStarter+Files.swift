import GatewayCore
import NIOCore
import SharedMessages

extension ExecStarter {
    /// Writes a file whole. Throws `DOCKER_FILE_WRITE_FAILED`.
    func putFile(_ file: WorkspaceFile) async throws {
        let content = ByteBuffer(bytes: file.content)
        guard let agent else {
            let script = Scripts.putFile(file.path, size: file.content.count, mode: file.mode)
            return try await write(file.path, script, content)
        }
        try await write(file.path, agent.writeFile(file.path), content)
        guard file.mode != Self.agentMode else { return }
        let digits = String(file.mode & 0o7777, radix: 8)
        try await write(file.path, Scripts.changeMode(digits, of: file.path))
    }

    /// What files have that an image's agent has written.
    private static let agentMode: UInt32 = 0o600

    private func write(
        _ path: String,
        _ command: [String],
        _ input: ByteBuffer = ByteBuffer()
    ) async throws {
        let result: Finished
        do {
            result = try await run(command, input: input)
        } catch let error as CodedError {
            throw CodedError(.dockerFileWriteFailed, detail: path, cause: error)
        }
        guard result.status == 0 else {
            throw CodedError(.dockerFileWriteFailed, detail: "\(path): \(result.output)")
        }
    }
}
