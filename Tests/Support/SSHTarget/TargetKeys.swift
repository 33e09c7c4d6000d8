import Foundation

/// The keys of a target and of its user, as `ssh-keygen` has made them.
struct TargetKeys: Sendable {
    /// `SHA256:…` of the Ed25519 host key.
    let fingerprint: String
    private let files: [String: Data]

    private static let names = ["host_key", "host_key_rsa", "user_key"]

    /// Makes new ones; takes about a second, in which it blocks.
    init() throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-target-keys-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter if it fails.
        var files: [String: Data] = [:]
        for name in Self.names {
            let type = name.hasSuffix("rsa") ? "rsa" : "ed25519"
            let path = folder.appending(path: name).path
            try Child.run(["/usr/bin/ssh-keygen", "-q", "-t", type, "-N", "", "-f", path])
            for file in [name, name + ".pub"] {
                files[file] = try Data(contentsOf: folder.appending(path: file))
            }
        }
        self.files = files
        let path = folder.appending(path: "host_key.pub").path
        let list = try Child.run(["/usr/bin/ssh-keygen", "-l", "-f", path])
        let words = list.split(separator: " ")
        guard words.count > 1 else {
            throw SSHTarget.Failure(description: "ssh-keygen said \(list)")
        }
        fingerprint = String(words[1])
    }

    /// Puts them into a server's folder; returns the user's private key.
    func write(to folder: URL) throws -> String {
        for (name, content) in files {
            let path = folder.appending(path: name).path
            let isMade = FileManager.default.createFile(
                atPath: path,
                contents: content,
                attributes: [.posixPermissions: 0o600]
            )
            guard isMade else { throw SSHTarget.Failure(description: "\(path) was not written") }
        }
        return String(decoding: files["user_key"] ?? Data(), as: UTF8.self)
    }
}
