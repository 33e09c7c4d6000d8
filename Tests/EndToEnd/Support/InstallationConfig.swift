import Foundation

/// The ports of an installation, all of 127.0.0.1.
struct Ports: Sendable {
    let ssh = Surroundings.freePort()
    let health = Surroundings.freePort()
    let authd = Surroundings.freePort()
    let configd = Surroundings.freePort()
    let auditd = Surroundings.freePort()
    let metricsd = Surroundings.freePort()
    let scrape = Surroundings.freePort()
}

/// The configuration that all daemons of an installation read.
struct InstallationConfig: Sendable {
    let ports = Ports()
    let folder: URL
    var banner = "Welcome to the end-to-end tests\n"

    var adminSocket: String { path("authd.sock") }
    var gatewaySocket: String { path("gateway.sock") }
    var hostKeyFile: String { path("host_key") }
    var rules: String { path("rules.yaml") }
    var recordings: String { path("recordings") }
    var file: String { path("config.yaml") }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Where a daemon says whether it is ready.
    func readyURL(_ daemon: DaemonName) -> String {
        let port =
            switch daemon {
            case .gateway: ports.health
            case .authd: ports.authd
            case .configd: ports.configd
            case .auditd: ports.auditd
            case .metricsd: ports.metricsd
            }
        return "http://127.0.0.1:\(port)/readyz"
    }

    var rulesText: String {
        """
        rules:
          - name: everybody
            match:
              user: "*"
            config:
              sandbox:
                hostname: end-to-end
                environment:
                  BERTH_USER: ${username}
        """
    }

    var text: String {
        """
        ssh:
          listen: 127.0.0.1:\(ports.ssh)
          hostKeyFile: \(hostKeyFile)
          banner: "\(banner.replacing("\n", with: "\\n"))"
        backend: sandbox
        sandbox:
          stateDirectory: \(path("sandbox"))
        docker:
          execution:
            container:
              image: berth-test/busybox:latest
              cmd: [/bin/sh]
              labels: { "berth-test.run": "\(folder.lastPathComponent)" }
            shellCommand: [/bin/sh]
            imagePullPolicy: Never
        auth:
          password:
            method: webhook
            webhook: { url: "http://127.0.0.1:\(ports.authd)", authTimeout: 20s }
          publicKey:
            method: webhook
            webhook: { url: "http://127.0.0.1:\(ports.authd)", authTimeout: 20s }
        configserver:
          url: http://127.0.0.1:\(ports.configd)/config
          retryTimeout: 20s
        audit:
          enable: true
          format: binary
          storage: file
          server: { url: "http://127.0.0.1:\(ports.auditd)" }
        metrics:
          enable: true
          listen: 127.0.0.1:\(ports.scrape)
          push: { url: "http://127.0.0.1:\(ports.metricsd)", interval: 200ms }
        health:
          enable: true
          listen: 127.0.0.1:\(ports.health)
        gateway:
          admin:
            enable: true
            listen: unix://\(gatewaySocket)
        log:
          level: debug
          format: ljson
        authd:
          listen: 127.0.0.1:\(ports.authd)
          database: \(path("authd.sqlite"))
          admin:
            listen: unix://\(adminSocket)
        configd:
          listen: 127.0.0.1:\(ports.configd)
          rules: [\(rules)]
        auditd:
          listen: 127.0.0.1:\(ports.auditd)
          directory: \(recordings)
        metricsd:
          listen: 127.0.0.1:\(ports.metricsd)
        """
    }
}

/// The five daemons in the order of their start.
enum DaemonName: String, Sendable, CaseIterable {
    case metricsd
    case authd
    case configd
    case auditd
    case gateway
}
