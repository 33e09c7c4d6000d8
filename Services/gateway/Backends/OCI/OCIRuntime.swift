import BackendMachine
import Glibc
import SharedSystem

/// A program that runs containers as the OCI runtime specification says.
struct OCIRuntime: Sendable, Hashable, CustomStringConvertible {
    /// Absolute.
    var path: String
    /// Whether it makes control groups; crun can do without.
    var hasGroups = true

    private static let folders = [
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    ]
    /// On a machine with both versions of control groups crun refuses to run as long as it sees
    /// this.
    static let unified = "/sys/fs/cgroup/unified"

    /// Those that may work here, the best first; `configured` is the only one if it is not empty.
    static func candidates(_ configured: String) -> [OCIRuntime] {
        let paths = configured.isEmpty ? ["crun", "runc"].compactMap(find) : [configured]
        let usual = paths.map { OCIRuntime(path: $0) }
        let without = usual.filter(\.isCrun).map { OCIRuntime(path: $0.path, hasGroups: false) }
        return usual + without
    }

    private static func find(_ name: String) -> String? {
        folders.map { $0 + "/" + name }.first { unsafe access($0, X_OK) == 0 }
    }

    private var isCrun: Bool { path.split(separator: "/").last == "crun" }

    /// The arguments before a command; `state` is where it notes its containers.
    func arguments(state: String) -> [String] {
        ["--root", state] + (hasGroups ? [] : ["--cgroup-manager=disabled"])
    }

    var description: String { path + (hasGroups ? "" : " without control groups") }
}
