package import ServiceLifecycle

/// A service of a daemon, under a name, with a way to know when it is up.
package struct DaemonService: Sendable {
    let name: String
    let service: any Service
    let waitUntilReady: @Sendable () async throws -> Void

    /// `ready` returns once the service works, for a server once its listener is bound; without
    /// it the service counts as up when it starts. It has to stop when its task is cancelled.
    /// Without a `name` the service's own description is used.
    package init(
        _ service: any Service,
        name: String? = nil,
        ready: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.name = name ?? "\(service)"
        self.service = service
        waitUntilReady = ready
    }
}
