import SharedConfig
import SharedMessages
import Testing

@Suite("Deprecated keys")
struct DeprecatedKeyTests {
    @Test("listen moves to ssh.listen unless that is set")
    func listen() throws {
        let moved = try load("listen: 'x:1'")
        #expect(moved.config.ssh.listen == "x:1")
        #expect(moved.warnings.map(\.code) == [.configListenDeprecated])
        let kept = try load("listen: 'x:1'\nssh: {listen: 'y:2'}")
        #expect(kept.config.ssh.listen == "y:2")
        #expect(kept.warnings.count == 1)
    }

    @Test("auth.url and its siblings become both webhooks")
    func authURL() throws {
        let loaded = try load(
            "auth: {url: 'http://a', timeout: 5s, authTimeout: 9s, password: true}"
        )
        let auth = loaded.config.auth
        #expect(auth.password.method == .webhook)
        #expect(auth.publicKey.method == .webhook)
        #expect(auth.password.webhook.client.url == "http://a")
        #expect(auth.publicKey.webhook.client.timeout == .seconds(5))
        #expect(auth.publicKey.webhook.authTimeout == .seconds(9))
        #expect(loaded.warnings.map(\.code) == [.configAuthUrlDeprecated])
    }

    @Test("the old switches turn a method off")
    func switches() throws {
        let auth = try load("auth: {url: 'http://a', password: false, pubkey: true}").config.auth
        #expect(auth.password.method == .off)
        #expect(auth.publicKey.method == .webhook)
    }

    @Test("newer keys win over auth.url")
    func newerWins() throws {
        let auth = try load(
            "auth: {url: 'http://a', publicKey: {method: webhook, webhook: {url: 'http://b'}}}"
        ).config.auth
        #expect(auth.publicKey.webhook.client.url == "http://b")
        #expect(auth.password.webhook.client.url == "http://a")
    }

    @Test("switches and timeouts without a URL load with a warning")
    func withoutEffect() throws {
        let loaded = try load("auth: {password: false, pubkey: false, authTimeout: 5s}")
        #expect(loaded.config == BerthConfig())
        #expect(Set(loaded.warnings.map(\.code)) == [.configKeyWithoutEffect])
    }

    @Test("dockerrun becomes docker in session mode without an agent")
    func dockerrun() throws {
        let loaded = try load(
            """
            backend: dockerrun
            dockerrun:
              host: tcp://docker:2376
              config:
                container: {image: busybox}
                host: {resources: {memory: 1000}}
                disableCommand: true
                timeout: 30s
            """
        )
        let docker = loaded.config.docker
        #expect(loaded.config.backend == .docker)
        #expect(docker.connection.host == "tcp://docker:2376")
        #expect(docker.execution.container == ["image": "busybox"])
        #expect(docker.execution.host == ["memory": 1000])
        #expect(docker.execution.mode == .session)
        #expect(docker.execution.disableAgent)
        #expect(docker.execution.imagePullPolicy == .always)
        #expect(docker.execution.shellCommand == [])
        #expect(docker.timeouts.containerStart == .seconds(30))
        #expect(loaded.config.security.command.mode == .disable)
        #expect(loaded.warnings.map(\.code) == [.dockerrunDeprecated])
    }

    @Test("kuberun becomes kubernetes in session mode, with its inverted agent switch")
    func kuberun() throws {
        let loaded = try load(
            """
            backend: kuberun
            kuberun:
              connection: {host: k8s, insecure: true, timeout: 3s}
              timeout: 7s
              pod:
                namespace: people
                disableAgent: true
                disableCommand: true
                podSpec: {containers: [{name: a, image: b}]}
            """
        )
        let kubernetes = loaded.config.kubernetes
        #expect(loaded.config.backend == .kubernetes)
        #expect(kubernetes.connection.insecure)
        #expect(kubernetes.timeouts.http == .seconds(3))
        #expect(kubernetes.timeouts.podStart == .seconds(7))
        #expect(kubernetes.pod.mode == .session)
        #expect(!kubernetes.pod.disableAgent)
        #expect(kubernetes.pod.disableCommand)
        #expect(kubernetes.pod.metadata["namespace"] == "people")
        #expect(kubernetes.pod.metadata["generateName"] == "containerssh-")
        #expect(loaded.warnings.map(\.code) == [.kuberunDeprecated, .kuberunInsecure])
    }

    @Test("an unknown key in an old section is still a problem")
    func unknownInOld() {
        #expect(problems("backend: dockerrun\ndockerrun: {config: {imagee: x}}").count == 1)
    }
}
