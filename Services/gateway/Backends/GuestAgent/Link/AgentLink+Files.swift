package import GatewayCore
import NIOCore
import SharedMessages

extension AgentLink {
    /// Puts a file into the container, with its parent folders; whole or not at all.
    ///
    /// Throws `AGENT_FILE_FAILED`.
    package func putFile(_ file: WorkspaceFile) async throws {
        do {
            let id = AgentID(self, try begin(file))
            try await id.send(ByteBuffer(bytes: file.content))
            id.sendEnd()
            _ = try await id.answer()
        } catch let refusal as AgentRefusal {
            throw CodedError(.agentFileFailed, detail: "\(file.path): \(refusal)", cause: refusal)
        } catch is TooManyIDs {
            throw CodedError(.agentFileFailed, detail: "too many things at a time")
        }
    }

    private func begin(_ file: WorkspaceFile) throws -> UInt32 {
        guard !file.path.utf8.contains(0) else {
            throw AgentRefusal(number: 22, text: "a NUL in the path")  // EINVAL
        }
        return try change { machine in
            let id = try machine.claim(.file)
            var frame = FrameWriter(FrameKind.writeFile, id, room: file.path.utf8.count + 8)
            frame.string(Array(file.path.utf8))
            frame.integer(file.mode)
            guard machine.send(frame) else {
                machine.items[id] = nil
                throw AgentRefusal(number: 36, text: "File name too long")  // ENAMETOOLONG
            }
            return id
        }
    }
}
