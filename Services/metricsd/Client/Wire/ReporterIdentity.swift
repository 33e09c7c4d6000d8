package import Foundation

/// Who reports: one run of one process.
package struct ReporterIdentity: Sendable, Hashable {
    package let daemon: String
    /// Unique among processes that run at the same time and the same after a restart, for example
    /// the host name and the port the process listens on.
    package let instance: String
    /// Milliseconds since 1970.
    package let epoch: Int64

    package init(daemon: String, instance: String, started: Date) {
        self.daemon = daemon
        self.instance = instance
        epoch = Int64((started.timeIntervalSince1970 * 1000).rounded())
    }
}

extension ReporterIdentity {
    /// The identity of this process, which has just started: the machine's name and the address
    /// on which the process serves.
    package static func ofThisProcess(daemon: String, listen: String) -> ReporterIdentity {
        ReporterIdentity(
            daemon: daemon,
            instance: "\(ProcessInfo.processInfo.hostName) \(listen)",
            started: Date()
        )
    }
}
