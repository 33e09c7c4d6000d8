import Foundation
import Logging
import SharedLogging
import SharedMessages
import SharedModels

/// Puts the files that webhooks attached to a connection into its new workspace.
///
/// A file that cannot be put is said in the log and does not keep the person out.
struct WorkspaceFiles: Sendable {
    let files: [String: BinaryMetadataValue]
    let logger: Logger

    func put(into workspace: any Workspace) async {
        for (path, file) in files.sorted(by: { $0.key < $1.key }) {
            do {
                try await workspace.putFile(try decoded(path, file))
            } catch {
                logger.emit(
                    .gatewayFileNotWritten,
                    ["file": "\(path)", "reason": "\(error)"]
                )
            }
        }
    }

    private func decoded(_ path: String, _ file: BinaryMetadataValue) throws -> WorkspaceFile {
        guard path.hasPrefix("/"), !path.contains("\0") else {
            throw CodedError(.gatewayFileNotWritten, detail: "the path is not absolute")
        }
        guard let content = Data(base64Encoded: file.value) else {
            throw CodedError(.gatewayFileNotWritten, detail: "the value is not base64")
        }
        return WorkspaceFile(path: path, content: Array(content))
    }
}
