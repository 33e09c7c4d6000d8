import Foundation

/// The processes of this machine.
enum HostProcesses {
    /// How many have `marker` in their command line.
    static func count(_ marker: String) -> Int { all(marker).count }

    /// Those that have `marker` in their command line, whose words end with NUL.
    static func all(_ marker: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }
            .filter { read("/proc/\($0)/cmdline").contains(marker) }
    }

    static func children(of id: Int32) -> [Int32] {
        read("/proc/\(id)/task/\(id)/children").split(separator: " ").compactMap { Int32($0) }
    }

    /// The memory of a process that is in use now, in bytes (proc(5), `VmRSS`).
    static func memory(_ id: Int32) -> Int {
        let line = read("/proc/\(id)/status").split(separator: "\n")
            .first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }

    /// How many files and sockets a process has open.
    static func descriptors(_ id: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/fd"))?.count ?? 0
    }

    /// A number of seconds for `sleep` that no other process sleeps: a mark to find it by.
    static func uniqueSleep() -> String { "86400.\(Int.random(in: 100_000_000...999_999_999))" }

    private static func read(_ path: String) -> String {
        (try? String(decoding: Data(contentsOf: URL(filePath: path)), as: UTF8.self)) ?? ""
    }
}
