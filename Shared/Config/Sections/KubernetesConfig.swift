/// The kubernetes backend.
package struct KubernetesConfig: ConfigSection {
    package var connection = KubernetesConnectionConfig()
    package var pod = KubernetesPodConfig()
    package var timeouts = KubernetesTimeoutsConfig()
    package var pool = PoolConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("connection", &connection)
        visitor.section("pod", &pod)
        visitor.section("timeouts", &timeouts)
        visitor.section("pool", &pool)
    }
}

package struct KubernetesConnectionConfig: ConfigSection {
    /// Host, host:port or URL.
    package var host = "kubernetes.default.svc"
    package var path = "/api"
    package var username = ""
    package var password = Secret()
    /// The name the server's certificate must have; empty: that of `host`.
    package var serverName = ""
    package var certificateFile = ""
    package var keyFile = ""
    package var caCertificateFile = ""
    package var certificate = PEMSource()
    package var key = PEMSource()
    package var caCertificate = PEMSource()
    package var bearerToken = Secret()
    package var bearerTokenFile = ""
    /// Whether the server's certificate is taken without looking at it.
    package var insecure = false
    /// A kubeconfig file, instead of all above; empty: none.
    package var kubeconfig = ""
    /// The context in it; empty: its current one.
    package var context = ""
    /// Requests per second.
    package var qps = 5.0
    package var burst = 10

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("host", &host)
        visitor.field("path", &path)
        visitor.field("username", &username)
        visitor.field("password", &password)
        visitor.field("serverName", &serverName)
        visitor.field("certFile", &certificateFile)
        visitor.field("keyFile", &keyFile)
        visitor.field("cacertFile", &caCertificateFile)
        visitor.field("cert", &certificate)
        visitor.field("key", &key)
        visitor.field("cacert", &caCertificate)
        visitor.field("bearerToken", &bearerToken)
        visitor.field("bearerTokenFile", &bearerTokenFile)
        visitor.field("insecure", &insecure)
        visitor.field("kubeconfig", &kubeconfig)
        visitor.field("context", &context)
        visitor.field("qps", &qps)
        visitor.field("burst", &burst)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("host", host)
        list.checkSet("path", self.path)
        list.check(
            context.isEmpty || !kubeconfig.isEmpty,
            "context",
            context,
            "needs kubeconfig"
        )
        list.check(qps > 0, "qps", "\(qps)", "must be more than 0")
        list.check("burst", burst, in: 1...10_000)
        return list.problems
    }
}

package struct KubernetesPodConfig: ConfigSection {
    package enum Mode: String, ConfigChoice {
        case connection
        case session
        case persistent
    }

    /// ObjectMeta with the names of the API.
    package var metadata = ConfigTree.map([
        "namespace": "default", "generateName": "containerssh-",
    ])
    /// PodSpec with the names of the API.
    package var spec = ConfigTree.map([
        "containers": .list([
            .map(["name": "shell", "image": .string(DockerExecutionConfig.defaultImage)])
        ])
    ])
    package var consoleContainerNumber = 0
    package var idleCommand = DockerExecutionConfig().idleCommand
    package var shellCommand = ["/bin/bash"]
    package var agentPath = "/usr/bin/containerssh-agent"
    package var disableAgent = false
    package var agent = KubernetesAgentConfig()
    package var subsystems = ["sftp": "/usr/lib/openssh/sftp-server"]
    /// Whether commands are refused, as `kuberun` had it; `security.command` is for every backend.
    package var disableCommand = false
    package var mode = Mode.connection
    package var createMissingPods = false
    /// In the mode persistent: how long a pod that we made stays when nobody uses it; 0: for ever.
    package var idleTimeout: Duration = .zero
    /// Metadata name to environment variable.
    package var exposeAuthMetadataAsEnv: [String: String] = [:]
    package var exposeAuthMetadataAsLabels: [String: String] = [:]
    package var exposeAuthMetadataAsAnnotations: [String: String] = [:]

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("metadata", &metadata)
        visitor.field("spec", &spec)
        visitor.field("consoleContainerNumber", &consoleContainerNumber)
        visitor.field("idleCommand", &idleCommand)
        visitor.field("shellCommand", &shellCommand)
        visitor.field("agentPath", &agentPath)
        visitor.field("disableAgent", &disableAgent)
        visitor.section("agent", &agent)
        visitor.field("subsystems", &subsystems)
        visitor.field("disableCommand", &disableCommand)
        visitor.field("mode", &mode)
        visitor.field("createMissingPods", &createMissingPods)
        visitor.field("idleTimeout", &idleTimeout)
        visitor.field("exposeAuthMetadataAsEnv", &exposeAuthMetadataAsEnv)
        visitor.field("exposeAuthMetadataAsLabels", &exposeAuthMetadataAsLabels)
        visitor.field("exposeAuthMetadataAsAnnotations", &exposeAuthMetadataAsAnnotations)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(metadata.isMapOrNull, "metadata", metadata.kind, "must be a map")
        list.check(spec.isMapOrNull, "spec", spec.kind, "must be a map")
        var containers: [ConfigTree] = []
        if case .list(let items)? = spec["containers"] { containers = items }
        list.check(!containers.isEmpty, "spec.containers", nil, "must hold a container")
        for (index, container) in containers.enumerated() {
            let image = container["image"].flatMap(String.text(of:)) ?? ""
            list.checkSet("spec.containers[\(index)].image", image)
        }
        list.check(
            (0..<max(1, containers.count)).contains(consoleContainerNumber),
            "consoleContainerNumber",
            "\(consoleContainerNumber)",
            "must be the index of a container"
        )
        list.check(
            !createMissingPods || mode == .persistent,
            "createMissingPods",
            "true",
            "needs mode persistent"
        )
        list.check("idleTimeout", idleTimeout, atLeast: .zero)
        list.check(
            idleTimeout == .zero || mode == .persistent && createMissingPods,
            "idleTimeout",
            idleTimeout.goText,
            "needs mode persistent and createMissingPods"
        )
        let namespace = metadata["namespace"].flatMap(String.text(of:)) ?? ""
        list.checkSet("metadata.namespace", namespace)
        checkCommands(&list)
        return list.problems
    }

    private func checkCommands(_ list: inout Rules) {
        let makesPods = mode == .connection || mode == .persistent && createMissingPods
        if makesPods { list.checkSet("idleCommand", idleCommand) }
        if makesPods || mode == .session && !disableAgent {
            list.checkSet("shellCommand", shellCommand)
        }
        if !disableAgent { list.checkSet("agentPath", agentPath) }
        guard mode == .session else { return }
        let policy = spec["restartPolicy"].flatMap(String.text(of:)) ?? ""
        list.check(
            policy.isEmpty || policy == "Never",
            "spec.restartPolicy",
            policy,
            "must be empty or Never in session mode"
        )
    }
}

package struct KubernetesTimeoutsConfig: ConfigSection {
    package var podStart: Duration = .seconds(60)
    package var podStop: Duration = .seconds(60)
    package var commandStart: Duration = .seconds(60)
    package var signal: Duration = .seconds(60)
    package var window: Duration = .seconds(60)
    package var http: Duration = .seconds(15)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("podStart", &podStart)
        visitor.field("podStop", &podStop)
        visitor.field("commandStart", &commandStart)
        visitor.field("signal", &signal)
        visitor.field("window", &window)
        visitor.field("http", &http)
    }
}
