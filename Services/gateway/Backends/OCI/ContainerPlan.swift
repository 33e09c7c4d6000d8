import SharedConfig
import SharedImages

/// All that a container is made from, but for its name: two with the same plan are
/// interchangeable.
struct ContainerPlan: Sendable {
    var image: StoredImage
    var config: OCIConfig
    var user: ContainerUser
    /// Where programs start.
    var folder: String

    init(_ config: OCIConfig, _ use: ImageUse) throws {
        image = use.image
        self.config = config
        func text(_ path: String) -> String {
            String(decoding: use.contents(of: path) ?? [], as: UTF8.self)
        }
        let settings = use.image.settings
        user = try ContainerUser(
            config.user.isEmpty ? settings.user : config.user,
            passwd: text("etc/passwd"),
            group: text("etc/group")
        )
        let wishes = [user.home, settings.workingDirectory].filter { $0.hasPrefix("/") }
        folder =
            config.workingDirectory.isEmpty
            ? wishes.first(where: use.hasFolder) ?? "/" : config.workingDirectory
    }

    /// `NAME=VALUE` for every program, from the least to the most particular.
    var environment: [String] {
        var path = Self.standardPath
        var others: [String] = []
        for entry in image.settings.environment {
            if entry.hasPrefix("PATH=") {
                path = String(entry.dropFirst("PATH=".count))
            } else {
                others.append(entry)
            }
        }
        // scp and sftp-server, for images without.
        return ["PATH=\(path):\(AgentFolder.programs)", "HOME=\(user.home)"] + others
    }

    private static let standardPath =
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
