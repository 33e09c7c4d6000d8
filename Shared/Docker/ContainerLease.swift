package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages

/// Who a container belongs to, and how long it may outlive that.
///
/// A container whose gateway has died ends by itself: its first process reads from a connection
/// that the gateway holds open (`attach`), and the end of that ends the process; the engine then
/// removes the container. What the engine does not remove (a container that never ran, or one
/// configured with `autoremove: false`) any gateway removes once the time in the label is over.
package struct ContainerLease: Sendable {
    package static let instanceLabel = "berth.instance"
    package static let connectionLabel = "berth.connection"
    package static let leaseLabel = "berth.lease"
    /// Seconds after which a person's container that nobody uses is stopped; 0: never.
    package static let idleLabel = "berth.idle"
    /// Whose container it is, in the mode persistent.
    package static let ownerLabel = "berth.owner"
    /// Of containers that wait, or have waited, for whoever comes.
    package static let poolLabel = "berth.pool"
    /// The login name, in the other modes.
    package static let userLabel = "containerssh_username"

    /// This process; another one with every start.
    package let instance: String
    /// How long a container may be there without running.
    package let time: Duration

    package init(instance: String, time: Duration) {
        self.instance = instance
        self.time = time
    }

    package func labels(connectionID: String) -> [String: String] {
        [
            Self.instanceLabel: instance,
            Self.connectionLabel: connectionID,
            Self.leaseLabel: "\(time.components.seconds)",
        ]
    }

    /// Whether anybody may remove a container that is in `state` and `age` old.
    package static func isOver(state: String, age: Duration, labels: [String: String]) -> Bool {
        guard ["created", "exited", "dead"].contains(state) else { return false }
        guard let seconds = labels[leaseLabel].flatMap({ Int64($0) }) else { return false }
        return age > .seconds(seconds)
    }

    /// Seconds that a container may be there without running; `nil` for one without a lease.
    package static func seconds(_ labels: [String: String]) -> Int64? {
        labels[leaseLabel].flatMap { Int64($0) }
    }
}

extension EngineClient {
    /// Berth's containers whose lease is over, at the time `now` (seconds since 1970).
    ///
    /// Engines fail to list containers while one of them is being removed: that is tried again.
    package func overdueContainers(now: Double) async throws -> [ContainerSummary] {
        try await listContainers(label: ContainerLease.leaseLabel).filter {
            ContainerLease.isOver(
                state: $0.state,
                age: .seconds(now - Double($0.created)),
                labels: $0.labels
            )
        }
    }

    /// Containers that have `label`, running or not; patient with an engine in trouble.
    package func listContainers(label: String) async throws -> [ContainerSummary] {
        var pause = Duration.milliseconds(50)
        for _ in 0..<4 {
            do {
                return try await containers(labels: [label])
            } catch let error as CodedError where error.isRetryable {
                try await Task.sleep(for: pause)
                pause *= 3
            }
        }
        return try await containers(labels: [label])
    }

    /// A client as the section `docker` describes it. Reads certificate files and so blocks for a
    /// moment; calls no engine.
    ///
    /// Throws `DOCKER_CONFIG_ERROR`.
    package convenience init(_ config: DockerConfig, logger: Logger) throws(CodedError) {
        let connection = config.connection
        var tls = HTTPClientOptions.TLSOptions()
        do {
            if !connection.certificate.isEmpty {
                tls.trustedRoots = try connection.caCertificate.load()
                tls.certificate = try connection.certificate.load()
                tls.privateKey = try connection.key.load()
            }
        } catch {
            throw CodedError(.dockerConfigError, detail: "docker.connection", cause: error)
        }
        try self.init(
            address: EngineAddress(
                connection.host,
                hasCertificate: !connection.certificate.isEmpty
            ),
            tls: tls,
            timeout: config.timeouts.http,
            logger: logger
        )
    }
}
