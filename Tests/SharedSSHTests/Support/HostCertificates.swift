import Foundation

@testable import SharedSSH

/// Host keys and an authority made by `ssh-keygen`, in a folder.
struct HostCertificates {
    let folder: String

    init(_ folder: String) throws {
        self.folder = folder
        try keygen("-t", "ed25519", "-f", "\(folder)/ca")
    }

    /// Makes a host key; the path of its private half.
    @discardableResult
    func makeKey(_ name: String, _ type: String = "ed25519", _ more: String...) throws -> String {
        try keygen(["-t", type, "-f", "\(folder)/\(name)"] + more)
        return "\(folder)/\(name)"
    }

    /// Certifies a key; the path of the certificate. `options` go to `ssh-keygen -s`.
    @discardableResult
    func certify(_ name: String, _ options: String...) throws -> String {
        let all = ["-q", "-s", "\(folder)/ca", "-I", "\(name).example"] + options
        let ended = try runTool(["ssh-keygen"] + all + ["\(folder)/\(name).pub"])
        guard ended.status == 0 else { throw ToolFailed(output: ended.output) }
        return "\(folder)/\(name)-cert.pub"
    }

    func key(_ name: String) throws -> SSHPrivateKey {
        try SSHPrivateKey(pem: try text("\(folder)/\(name)"))
    }

    func certificate(_ name: String) throws -> OpenSSHCertificate {
        let words = try text("\(folder)/\(name)-cert.pub").split(separator: " ")
        return try OpenSSHCertificate(blob: Base64.decode(words[1]) ?? [])
    }

    func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    private func keygen(_ arguments: String...) throws { try keygen(arguments) }

    private func keygen(_ arguments: [String]) throws {
        let ended = try runTool(["ssh-keygen", "-q", "-N", ""] + arguments)
        guard ended.status == 0 else { throw ToolFailed(output: ended.output) }
    }

    struct ToolFailed: Error {
        let output: String
    }
}
