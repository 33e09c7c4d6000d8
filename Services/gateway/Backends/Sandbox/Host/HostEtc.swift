import Foundation

/// The `/etc` of sandboxes that use the host's programs: copies of what programs need to work, and
/// nothing that a host keeps for itself.
///
/// A copy, made once: one mount instead of fifty per sandbox.
enum HostEtc {
    /// Of the host's `/etc`; what is missing there is left out.
    static let names = [
        "alternatives", "bash.bashrc", "bash_completion", "ca-certificates",
        "ca-certificates.conf", "debian_version", "default/locale", "environment", "fonts",
        "gai.conf", "host.conf", "inputrc", "issue", "java-17-openjdk", "ld.so.cache", "ld.so.conf",
        "ld.so.conf.d", "locale.alias", "localtime", "login.defs", "magic", "mailcap",
        "manpath.config", "mime.types", "nanorc", "networks", "nsswitch.conf", "os-release",
        "perl", "pki", "profile", "profile.d", "protocols", "python3", "python3.11", "rpc",
        "services", "shells", "skel", "ssh/ssh_config", "ssl/certs", "ssl/openssl.cnf", "terminfo",
        "timezone", "vim", "xdg",
    ]

    /// Replaced for every sandbox, so they must exist.
    static let placeholders = ["passwd", "group", "resolv.conf"]

    static func prepare(in folder: String, hostname: String) throws {
        let files = FileManager.default
        try files.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        for name in names where files.fileExists(atPath: "/etc/" + name) {
            let target = folder + "/" + name
            try files.createDirectory(
                atPath: (target as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o755]
            )
            try files.copyItem(atPath: "/etc/" + name, toPath: target)
        }
        try write("\(hostname)\n", folder + "/hostname")
        try write("127.0.0.1 localhost \(hostname)\n::1 localhost\n", folder + "/hosts")
        for name in placeholders { try write("", folder + "/" + name) }
        try files.createSymbolicLink(atPath: folder + "/mtab", withDestinationPath: "/proc/mounts")
    }

    private static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    }
}
