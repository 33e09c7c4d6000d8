import SharedConfig
import Testing

/// Files as a ContainerSSH user has them.
@Suite("ContainerSSH files")
struct ReferenceTests {
    @Test("the minimal YAML file loads")
    func minimal() throws {
        let loaded = try load(
            """
            ssh:
              hostkeys: [/etc/containerssh/host.key]
            auth:
              password:
                method: webhook
                webhook: {url: "http://127.0.0.1:8080"}
              publicKey:
                method: webhook
                webhook: {url: "http://127.0.0.1:8080", timeout: 5s, authTimeout: 30s}
            configserver:
              url: "http://127.0.0.1:8080/config"
            """
        )
        #expect(loaded.warnings.isEmpty)
        let config = loaded.config
        #expect(config.ssh.hostKeys.map(\.file) == ["/etc/containerssh/host.key"])
        #expect(config.auth.publicKey.webhook.client.timeout == .seconds(5))
        #expect(config.auth.publicKey.webhook.authTimeout == .seconds(30))
        #expect(config.configServer.client.url == "http://127.0.0.1:8080/config")
    }

    @Test("the same webhook as a JSON file loads")
    func json() throws {
        let text = """
            {"auth":{"publicKey":{"method":"webhook","webhook":{"url":"http://127.0.0.1:8080","timeout":5000000000,"authTimeout":30000000000}}}}
            """
        let webhook = try load(text, named: "config.json").config.auth.publicKey.webhook
        #expect(webhook.client.timeout == .seconds(5))
        #expect(webhook.authTimeout == .seconds(30))
    }

    @Test("a file that holds every key there is loads unchanged")
    func everyKey() throws {
        let loaded = try load(Self.full)
        #expect(loaded.warnings.map(\.text).sorted() == Self.fullWarnings)
        let config = loaded.config
        #expect(config.docker.execution.host["memory"] == 268_435_456)
        #expect(config.docker.execution.host["resources"] == nil)
        #expect(config.docker.execution.container["healthcheck"] == ["interval": 5, "test": ["x"]])
        #expect(config.log.syslog.facility.code == 16)
        #expect(config.sshproxy.port == 2200)
        #expect(config.audit.s3.uploadPartSize == 5_242_880)
        #expect(config.auth.keyboardInteractive.oauth2.github.client.timeout == .seconds(10))
    }

    @Test("what the floor would forbid a reply may stand in the file")
    func bindsInFile() throws {
        #expect(throws: Never.self) { try load(Self.full).config.applying(reply: [:]) }
    }

    private static let fullWarnings = [
        "auth.authTimeout", "auth.password and auth.pubkey as true or false",
        "auth: HTTP keys without auth.url", "ssh: aes128-cbc", "ssh: arcfour", "ssh: arcfour128",
        "ssh: arcfour256", "ssh: diffie-hellman-group1-sha1", "ssh: diffie-hellman-group14-sha1",
        "ssh: hmac-sha1", "ssh: hmac-sha1-96", "ssh: tripledescbcID",
    ]

    private static let full = """
        ssh:
            listen: 0.0.0.0:2222
            serverVersion: SSH-2.0-ContainerSSH
            ciphers: [chacha20-poly1305@openssh.com, aes256-gcm@openssh.com, aes128-gcm@openssh.com, aes256-ctr, aes192-ctr, aes128-ctr, aes128-cbc, arcfour256, arcfour128, arcfour, tripledescbcID]
            kex: [curve25519-sha256@libssh.org, ecdh-sha2-nistp521, ecdh-sha2-nistp384, ecdh-sha2-nistp256, diffie-hellman-group14-sha1, diffie-hellman-group1-sha1]
            macs: [hmac-sha2-256-etm@openssh.com, hmac-sha2-256, hmac-sha1-96, hmac-sha1]
            banner: ""
            hostkeys:
                - |
                    -----BEGIN RSA PRIVATE KEY-----
                    AAAA
                    -----END RSA PRIVATE KEY-----
            clientAliveInterval: 0s
            clientAliveCountMax: 3
        configserver:
            allowRedirects: false
            cacert: ""
            cert: ""
            cipher: [TLS_AES_128_GCM_SHA256, ECDHE-RSA-AES128-GCM-SHA256]
            curves: [x25519, secp256r1, secp384r1, secp521r1]
            key: ""
            timeout: 2s
            tlsVersion: "1.3"
            transmitSensitiveMetadata: false
            url: ""
        auth:
            authTimeout: 1m0s
            pubkey: true
            url: ""
            timeout: 2s
            password:
                method: kerberos
                kerberos: {keytab: /etc/krb5.keytab, acceptor: any, enforceUsername: true, credentialCachePath: /tmp/krb5cc, configPath: /etc/krb5.conf, clockSkew: 5m0s}
                webhook: {url: "", authTimeout: 1m0s}
            publicKey: {method: webhook, webhook: {url: "https://a/", allowRedirects: true, tlsVersion: 1.2}}
            keyboardInteractive:
                method: oauth2
                oauth2:
                    redirect: {listen: "0.0.0.0:8080", webroot: "", clientcacert: ""}
                    clientId: x
                    clientSecret: y
                    provider: github
                    github: {url: "https://github.com", apiurl: "https://api.github.com", enforceUsername: true, requireOrgMembership: "", require2FA: false, extraScopes: [], enforceScopes: false, timeout: 10s}
                    oidc: {url: "", deviceFlow: false, authorizationCodeFlow: false, usernameField: sub, redirectURI: "", extraScopes: [], enforceScopes: false}
                    generic: {authorizeEndpointURL: "", tokenEndpoint: {url: ""}, redirectURI: ""}
                    qrCodeClients: []
                    deviceFlowClients: []
                    authTimeout: 2m0s
            gssapi: {method: kerberos, kerberos: {clockSkew: 5m}}
            authz: {method: webhook, webhook: {url: "http://b"}}
        log:
            level: 5
            format: text
            destination: syslog
            file: /var/log/containerssh/containerssh.log
            syslog: {destination: /dev/log, facility: local0, tag: ContainerSSH, pid: false}
        metrics: {enable: true, path: /metrics, listen: "0.0.0.0:9100", key: "", cert: "", clientcacert: "", tlsVersion: "1.3", curves: [x25519], cipher: [TLS_AES_128_GCM_SHA256]}
        geoip: {provider: maxmind, maxmind-geoip2-file: /var/lib/GeoIP/GeoIP2-Country.mmdb}
        audit:
            enable: true
            format: binary
            storage: s3
            file: {directory: /var/log/audit}
            s3: {local: /var/lib/audit, accessKey: a, secretKey: b, bucket: c, region: d, endpoint: "http://localhost:9000", cacert: "", acl: "", pathStyleAccess: true, uploadPartSize: 5242880, parallelUploads: 20, metadata: {ip: true, username: true}}
            intercept: {stdin: true, stdout: true, stderr: true, passwords: true, forwarding: true}
        health:
            enable: true
            listen: 0.0.0.0:7000
            client: {url: "http://127.0.0.1:7000/"}
        security:
            defaultMode: ""
            forceCommand: ""
            env: {mode: filter, allow: [TERM], deny: []}
            command: {mode: filter, allow: [ls]}
            shell: {mode: enable}
            subsystem: {mode: "", allow: [], deny: []}
            forwarding: {reverseForwardingMode: disable, forwardingMode: enable, socketForwardingMode: disable, socketListenMode: disable, x11ForwardingMode: disable}
            tty: {mode: disable}
            signal: {mode: enable, allow: [], deny: [KILL]}
            maxSessions: -1
        backend: docker
        docker:
            connection: {host: "unix:///var/run/docker.sock", cacert: "", cert: "", key: ""}
            execution:
                container:
                    image: containerssh/containerssh-guest-image
                    env: [A=b]
                    workingdir: /home
                    labels: {Com.Example: X}
                    healthcheck: {test: [x], interval: 5}
                    unknownfield: ignored
                host:
                    binds: [/srv:/srv]
                    networkmode: host
                    portbindings: {"80/tcp": [{hostip: "", hostport: "8080"}]}
                    restartpolicy: {name: "no", maximumretrycount: 0}
                    resources: {memory: 268435456, nanocpus: 1000000000, pidslimit: 100, ulimits: [{name: nofile, hard: 1, soft: 1}]}
                    mounts: [{type: tmpfs, target: /t, tmpfsoptions: {sizebytes: 1}}]
                network: {endpointsconfig: {net: {ipamconfig: {ipv4address: 10.0.0.2}, aliases: [x]}}}
                platform: {architecture: amd64, os: linux, osversion: "", osfeatures: [], variant: ""}
                containername: ""
                auth: null
                mode: connection
                idleCommand: [/usr/bin/containerssh-agent, wait-signal, --signal, INT, --signal, TERM]
                shellCommand: [/bin/bash]
                agentPath: /usr/bin/containerssh-agent
                disableAgent: false
                subsystems: {sftp: /usr/lib/openssh/sftp-server}
                imagePullPolicy: IfNotPresent
                exposeAuthMetadataAsEnv: false
            timeouts: {containerStart: 1m0s, containerStop: 60000000000, commandStart: 60000000000.5, signal: 1m, window: 60s, http: 15s}
        kubernetes:
            connection: {host: kubernetes.default.svc, path: /api, username: "", password: "", serverName: "", certFile: "", keyFile: "", cacertFile: "", cert: "", key: "", cacert: "", bearerToken: "", bearerTokenFile: "", qps: 5, burst: 10}
            pod:
                metadata: {namespace: default, generateName: containerssh-, creationTimestamp: null}
                spec: {containers: [{name: shell, image: x, resources: {limits: {memory: 128Mi}}}]}
                consoleContainerNumber: 0
                idleCommand: [a]
                shellCommand: [b]
                agentPath: c
                disableAgent: false
                subsystems: {}
                mode: persistent
                createMissingPods: true
                exposeAuthMetadataAsEnv: {A: B}
                exposeAuthMetadataAsLabels: null
                exposeAuthMetadataAsAnnotations: {}
            timeouts: {podStart: 1m, podStop: 1m, commandStart: 1m, signal: 1m, window: 1m, http: 15s}
        sshproxy:
            server: 10.0.0.1
            port: 2200
            usernamePassThrough: true
            username: ""
            password: ""
            privateKey: ""
            allowedHostKeyFingerprints: [SHA256:x]
            ciphers: [aes128-ctr]
            kex: [curve25519-sha256@libssh.org]
            macs: [hmac-sha2-256]
            hostKeyAlgos: [ssh-rsa-cert-v01@openssh.com, ssh-dss-cert-v01@openssh.com, ecdsa-sha2-nistp256-cert-v01@openssh.com, ssh-ed25519-cert-v01@openssh.com, ssh-rsa, ssh-dss, ssh-ed25519]
            timeout: 1m0s
            clientVersion: SSH-2.0-ContainerSSH
        """
}
