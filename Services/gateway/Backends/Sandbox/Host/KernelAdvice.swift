import Foundation

/// Says in words why a kernel, or who administers it, forbids sandboxes.
enum KernelAdvice {
    private static let switches = [
        ("user/max_user_namespaces", "0", "no user namespaces are allowed at all"),
        ("kernel/unprivileged_userns_clone", "0", "user namespaces are reserved to root"),
        (
            "kernel/apparmor_restrict_unprivileged_userns", "1",
            "AppArmor restricts user namespaces; bubblewrap needs a profile that allows userns"
        ),
    ]

    /// `complaint`, as bubblewrap made it, with the reasons found for it.
    static func explain(
        _ complaint: String,
        setting: (String) -> String? = Self.kernelSetting
    ) -> String {
        var reasons = switches.compactMap { name, value, reason in
            setting(name) == value
                ? "\(name.replacing("/", with: ".")) is \(value): \(reason)" : nil
        }
        if complaint.contains("mount proc") {
            reasons.append("the gateway runs in a container whose /proc is partly hidden")
        }
        if complaint.contains("execvp") {
            reasons.append("the init program or the loader it needs cannot be executed")
        }
        return ([complaint] + reasons).joined(separator: "; ")
    }

    private static func kernelSetting(_ name: String) -> String? {
        (try? String(contentsOfFile: "/proc/sys/" + name, encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
