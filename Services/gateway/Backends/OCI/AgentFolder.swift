import Foundation
import Glibc
import SharedMessages
import SharedSystem

/// The folder with the agent, which every container has read-only.
enum AgentFolder {
    static let mountPoint = "/.berth"
    static let program = mountPoint + "/agent"
    static let programs = mountPoint + "/bin"
    private static let executable = "berth-agent"

    /// Fills `folder` with a copy of the agent at `path` (empty: the one beside the gateway's
    /// executable), so that an upgrade changes nothing below running containers.
    static func make(_ folder: String, from path: String) throws {
        let source = path.isEmpty ? try besideExecutable() : path
        guard unsafe access(source, X_OK) == 0 else {
            throw CodedError(.ociUnavailable, detail: "agent \(SystemFailure(source, errno))")
        }
        let files = FileManager.default
        try files.createDirectory(atPath: folder + "/bin", withIntermediateDirectories: true)
        try files.copyItem(atPath: source, toPath: folder + "/agent")
        for name in ["scp", "sftp-server"] {
            try files.createSymbolicLink(
                atPath: folder + "/bin/" + name,
                withDestinationPath: "../agent"
            )
        }
        for (name, mode) in [("", 0o755), ("/bin", 0o755), ("/agent", 0o755)] {
            try files.setAttributes([.posixPermissions: mode], ofItemAtPath: folder + name)
        }
    }

    private static func besideExecutable() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return (own as NSString).deletingLastPathComponent + "/" + executable
    }
}
