import Foundation

/// Which process spans come from, in the terms of OpenTelemetry's conventions for resources.
package struct TraceResource: Sendable {
    /// `service.name`: the daemon's name.
    package var service: String
    /// `service.instance.id`: another one at every start.
    package var instance: String
    /// `host.name`
    package var host: String
    /// `process.pid`
    package var process: Int

    /// This process, under the daemon's name.
    package init(service: String) {
        self.service = service
        instance = UUID().uuidString.lowercased()
        host = ProcessInfo.processInfo.hostName
        process = Int(ProcessInfo.processInfo.processIdentifier)
    }

    var attributes: [(String, String)] {
        [
            ("service.namespace", "berth"), ("service.name", service),
            ("service.instance.id", instance), ("host.name", host),
        ]
    }
}
