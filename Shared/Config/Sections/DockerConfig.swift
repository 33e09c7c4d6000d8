/// The docker backend.
package struct DockerConfig: ConfigSection {
    package var connection = DockerConnectionConfig()
    package var execution = DockerExecutionConfig()
    package var timeouts = DockerTimeoutsConfig()
    package var pool = PoolConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("connection", &connection)
        visitor.section("execution", &execution)
        visitor.section("timeouts", &timeouts)
        visitor.section("pool", &pool)
    }
}

package struct DockerConnectionConfig: ConfigSection {
    /// `unix:///path`, `tcp://host:port` or `http://host:port`.
    package var host = "unix:///var/run/docker.sock"
    package var caCertificate = PEMSource()
    package var certificate = PEMSource()
    package var key = PEMSource()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("host", &host)
        visitor.field("cacert", &caCertificate)
        visitor.field("cert", &certificate)
        visitor.field("key", &key)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let schemes = ["unix://", "tcp://", "http://", "https://", "npipe://"]
        list.check(
            schemes.contains(where: host.hasPrefix),
            "host",
            host,
            "must begin with " + schemes.joined(separator: ", ")
        )
        let given = [caCertificate, certificate, key].filter { !$0.isEmpty }.count
        list.check(given == 0 || given == 3, "cacert", nil, "cert and key must be set together")
        return list.problems
    }
}

package struct DockerExecutionConfig: ConfigSection {
    package enum Mode: String, ConfigChoice {
        /// One container for the connection.
        case connection
        /// One container for every session channel.
        case session
        /// A container that was there before the connection and stays after it.
        case persistent
    }

    package enum PullPolicy: String, ConfigChoice {
        case always = "Always"
        case ifNotPresent = "IfNotPresent"
        case never = "Never"
    }

    package static let defaultImage = "containerssh/containerssh-guest-image"

    /// The engine's create-container body. This and the next three keep the spelling of their
    /// source but for the case of field names, which is lowered, and `resources` inside `host`,
    /// whose members are lifted into `host`.
    package var container = ConfigTree.map(["image": .string(defaultImage)])
    /// HostConfig, or `.null`.
    package var host = ConfigTree.null
    /// NetworkingConfig, or `.null`.
    package var network = ConfigTree.null
    /// The OCI platform, or `.null`.
    package var platform = ConfigTree.null
    package var containerName = ""
    package var auth = DockerAuthConfig()
    package var mode = Mode.connection
    /// In the mode persistent: whether a container that is missing is made.
    package var createMissing = false
    /// In the mode persistent: how long a container runs that nobody uses; 0: for ever.
    package var idleTimeout: Duration = .zero
    /// In the mode connection: how long a container waits for its person to come back.
    package var resume: Duration = .zero
    package var idleCommand = [
        "/usr/bin/containerssh-agent", "wait-signal", "--signal", "INT", "--signal", "TERM",
    ]
    package var shellCommand = ["/bin/bash"]
    package var agentPath = "/usr/bin/containerssh-agent"
    package var disableAgent = false
    package var agent = DockerAgentConfig()
    /// Subsystem name to the program that serves it.
    package var subsystems = ["sftp": "/usr/lib/openssh/sftp-server"]
    package var imagePullPolicy = PullPolicy.ifNotPresent
    package var exposeAuthMetadataAsEnv = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitObject("container", &container, .container, &visitor)
        visitObject("host", &host, .host, &visitor)
        visitObject("network", &network, .network, &visitor)
        visitObject("platform", &platform, .platform, &visitor)
        visitor.field("containername", &containerName)
        visitor.section("auth", &auth)
        visitor.field("mode", &mode)
        visitor.field("createMissing", &createMissing)
        visitor.field("idleTimeout", &idleTimeout)
        visitor.field("resume", &resume)
        visitor.field("idleCommand", &idleCommand)
        visitor.field("shellCommand", &shellCommand)
        visitor.field("agentPath", &agentPath)
        visitor.field("disableAgent", &disableAgent)
        visitor.section("agent", &agent)
        visitor.field("subsystems", &subsystems)
        visitor.field("imagePullPolicy", &imagePullPolicy)
        visitor.field("exposeAuthMetadataAsEnv", &exposeAuthMetadataAsEnv)
    }

    private func visitObject(
        _ key: String,
        _ tree: inout ConfigTree,
        _ kind: DockerObject,
        _ visitor: inout some ConfigVisitor
    ) {
        visitor.field(key, &tree)
        tree = kind.canonical(tree)
        if kind == .container, tree == .map([:]) {
            tree = .map(["image": .string(Self.defaultImage)])
        }
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        for (key, tree) in [("host", host), ("network", network), ("platform", platform)] {
            list.check(tree.isMapOrNull, key, tree.kind, "must be a map")
        }
        list.check(container.isMapOrNull, "container", container.kind, "must be a map")
        let image = container["image"].flatMap(String.text(of:)) ?? ""
        list.check(!image.isEmpty, "container.image", nil, "must be set")
        list.check("idleTimeout", idleTimeout, atLeast: .zero)
        list.check("resume", resume, atLeast: .zero)
        let isPersistent = mode == .persistent
        list.check(isPersistent || !createMissing, "createMissing", "true", "needs mode persistent")
        list.check(
            isPersistent || idleTimeout == .zero,
            "idleTimeout",
            idleTimeout.goText,
            "needs mode persistent"
        )
        list.check(
            mode == .connection || resume == .zero,
            "resume",
            resume.goText,
            "needs mode connection"
        )
        if mode != .session {
            list.checkSet("idleCommand", idleCommand)
            list.checkSet("shellCommand", shellCommand)
        } else {
            let restart = host[path: ["restartpolicy", "name"]].flatMap(String.text(of:)) ?? ""
            list.check(
                restart.isEmpty || restart == "no",
                "host.restartpolicy.name",
                restart,
                "must be empty or no in session mode"
            )
        }
        if !disableAgent { list.checkSet("agentPath", agentPath) }
        return list.problems
    }
}

extension ConfigTree {
    var isMapOrNull: Bool {
        switch self {
        case .null, .map: true
        case .bool, .integer, .double, .string, .list: false
        }
    }
}

/// Credentials for the registry that the image is pulled from.
package struct DockerAuthConfig: ConfigSection {
    package var username = ""
    package var password = Secret()
    /// The two above in base64 with `:` between them.
    package var auth = Secret()
    package var email = ""
    package var serverAddress = ""
    package var identityToken = Secret()
    package var registryToken = Secret()

    package init() {}

    package var isEmpty: Bool { self == DockerAuthConfig() }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("username", &username)
        visitor.field("password", &password)
        visitor.field("auth", &auth)
        visitor.field("email", &email)
        visitor.field("serveraddress", &serverAddress)
        visitor.field("identitytoken", &identityToken)
        visitor.field("registrytoken", &registryToken)
    }
}

package struct DockerTimeoutsConfig: ConfigSection {
    package var containerStart: Duration = .seconds(60)
    package var containerStop: Duration = .seconds(60)
    package var commandStart: Duration = .seconds(60)
    package var signal: Duration = .seconds(60)
    package var window: Duration = .seconds(60)
    /// For one whole request.
    package var http: Duration = .seconds(15)
    /// How long an agent may give no sign of life, or the engine no answer, under a session.
    package var silence: Duration = .seconds(60)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("containerStart", &containerStart)
        visitor.field("containerStop", &containerStop)
        visitor.field("commandStart", &commandStart)
        visitor.field("signal", &signal)
        visitor.field("window", &window)
        visitor.field("http", &http)
        visitor.field("silence", &silence)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("containerStart", containerStart, atLeast: .milliseconds(100))
        list.check("containerStop", containerStop, atLeast: .milliseconds(100))
        list.check("commandStart", commandStart, atLeast: .milliseconds(100))
        list.check("signal", signal, atLeast: .milliseconds(100))
        list.check("window", window, atLeast: .milliseconds(100))
        list.check("http", http, atLeast: .milliseconds(100))
        list.check("silence", silence, atLeast: .milliseconds(100))
        return list.problems
    }
}
