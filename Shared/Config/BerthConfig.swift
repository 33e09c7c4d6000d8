/// The backends that a connection can get.
package enum BackendKind: String, ConfigChoice {
    case docker
    case kubernetes
    case sshproxy
    case sandbox
    case oci
}

/// The whole configuration; all five daemons accept it, and each reads its own sections.
package struct BerthConfig: ConfigSection {
    package var ssh = SSHConfig()
    package var configServer = ConfigServerConfig()
    package var auth = AuthConfig()
    package var sessionEvents = SessionEventsConfig()
    package var log = LogConfig()
    package var metrics = MetricsConfig()
    package var tracing = TracingConfig()
    package var geoip = GeoIPConfig()
    package var audit = AuditConfig()
    package var health = HealthConfig()
    package var gateway = GatewayConfig()
    package var security = SecurityConfig()
    package var limits = LimitsConfig()
    package var backend = BackendKind.docker
    package var docker = DockerConfig()
    package var kubernetes = KubernetesConfig()
    package var sshproxy = SSHProxyConfig()
    package var sandbox = SandboxConfig()
    package var oci = OCIConfig()
    package var floor = FloorConfig()
    package var service = ServiceConfig()
    package var authd = AuthdConfig()
    package var configd = ConfigdConfig()
    package var auditd = AuditdConfig()
    package var metricsd = MetricsdConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("ssh", &ssh)
        visitor.section("configserver", &configServer)
        visitor.section("auth", &auth)
        visitor.section("sessionEvents", &sessionEvents)
        visitor.section("log", &log)
        visitor.section("metrics", &metrics)
        visitor.section("tracing", &tracing)
        visitor.section("geoip", &geoip)
        visitor.section("audit", &audit)
        visitor.section("health", &health)
        visitor.section("gateway", &gateway)
        // With a config webhook these are only whole once its reply has been applied.
        let isStatic = configServer.client.url.isEmpty
        visitor.section("security", &security, checked: isStatic)
        visitor.section("limits", &limits)
        visitor.field("backend", &backend)
        visitor.section("docker", &docker, checked: isStatic && backend == .docker)
        visitor.section("kubernetes", &kubernetes, checked: isStatic && backend == .kubernetes)
        visitor.section("sshproxy", &sshproxy, checked: isStatic && backend == .sshproxy)
        visitor.section("sandbox", &sandbox, checked: isStatic && backend == .sandbox)
        visitor.section("oci", &oci, checked: isStatic && backend == .oci)
        visitor.section("floor", &floor)
        visitor.section("service", &service)
        visitor.section("authd", &authd)
        visitor.section("configd", &configd)
        visitor.section("auditd", &auditd)
        visitor.section("metricsd", &metricsd)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        let isChecked = audit.enable && audit.storage == .s3
        guard auditd.storages.contains(.s3), !isChecked else { return [] }
        return audit.s3.problems(at: "audit.s3")
    }
}
