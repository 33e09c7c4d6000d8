import SharedMessages

/// Keys of older files, moved to where they are today, each with one warning.
extension ConfigDraft {
    mutating func migrateDeprecatedKeys() {
        migrateListen()
        migrateAuth()
        migrateDockerrun()
        migrateKuberun()
    }

    private mutating func migrateListen() {
        guard let listen = tree.remove(["listen"]) else { return }
        let current = tree[path: ["ssh", "listen"]]
        let isFree = current == nil || current == .string(SSHConfig().listen.name)
        if isFree { tree.set(listen, at: ["ssh", "listen"]) }
        let outcome = isFree ? "listen is used as ssh.listen" : "ssh.listen wins over listen"
        warn(.configListenDeprecated, outcome)
    }

    /// `auth.url` and its siblings were the one auth webhook, with `auth.password` and
    /// `auth.pubkey` as switches.
    private mutating func migrateAuth() {
        guard case .map(var auth)? = tree["auth"] else { return }
        var block: [String: ConfigTree] = [:]
        for key in (ConfigSchema.of(HTTPClientConfig()).keys ?? [:]).keys.sorted() {
            block[key] = auth.removeValue(forKey: key)
        }
        let switches = [
            "password": takeSwitch(&auth, "password"), "publicKey": takeSwitch(&auth, "pubkey"),
        ]
        let timeout = auth.removeValue(forKey: "authTimeout")
        defer { tree.set(.map(auth), at: ["auth"]) }
        guard case .string(let url)? = block["url"], !url.isEmpty else {
            if !block.isEmpty { warn(.configKeyWithoutEffect, "auth: HTTP keys without auth.url") }
            if timeout != nil { warn(.configKeyWithoutEffect, "auth.authTimeout") }
            if switches.values.contains(where: { $0 != nil }) {
                warn(.configKeyWithoutEffect, "auth.password and auth.pubkey as true or false")
            }
            return
        }
        block["authTimeout"] = timeout
        var moved: [String] = []
        for key in ["password", "publicKey"] where switches[key] != false && auth[key] == nil {
            auth[key] = ["method": "webhook", "webhook": .map(block)]
            moved.append("auth.\(key).webhook")
        }
        let outcome = moved.isEmpty ? "ignored, newer keys are set" : moved.joined(separator: ", ")
        warn(.configAuthUrlDeprecated, "auth.url: " + outcome)
    }

    private func takeSwitch(_ auth: inout [String: ConfigTree], _ key: String) -> Bool? {
        guard case .bool(let isOn)? = auth[key] else { return nil }
        auth[key] = nil
        return isOn
    }

    private mutating func migrateDockerrun() {
        let wasChosen = tree["backend"] == "dockerrun"
        guard let old = tree.remove(["dockerrun"]) ?? (wasChosen ? .map([:]) : nil) else { return }
        warn(.dockerrunDeprecated, "dockerrun is used as docker")
        guard wasChosen else { return }
        tree.set("docker", at: ["backend"])
        var source = LegacySection(old, at: "dockerrun")
        var result = ConfigTree.map([:])
        for key in ["host", "cacert", "cert", "key"] {
            source.move([key], to: &result, ["connection", key])
        }
        let objects = ["container", "host", "network", "platform", "containername", "subsystems"]
        for key in objects { source.move(["config", key], to: &result, ["execution", key]) }
        source.move(["config", "timeout"], to: &result, keys: DockerTimeoutsConfig())
        disableCommand(source.take(["config", "disableCommand"]))
        let fixed: ConfigTree = [
            "mode": "session", "disableAgent": true, "imagePullPolicy": "Always",
            "idleCommand": [], "shellCommand": [],
        ]
        result = result.merged(with: ["execution": fixed])
        problems += source.leftovers
        tree.set((tree["docker"] ?? .null).merged(with: result), at: ["docker"])
    }

    private mutating func migrateKuberun() {
        let wasChosen = tree["backend"] == "kuberun"
        guard let old = tree.remove(["kuberun"]) ?? (wasChosen ? .map([:]) : nil) else { return }
        warn(.kuberunDeprecated, "kuberun is used as kubernetes")
        guard wasChosen else { return }
        tree.set("kubernetes", at: ["backend"])
        var source = LegacySection(old, at: "kuberun")
        var result = ConfigTree.map([:])
        source.move(["timeout"], to: &result, keys: KubernetesTimeoutsConfig())
        source.move(["connection", "timeout"], to: &result, ["timeouts", "http"])
        if source.tree[path: ["connection", "insecure"]] == true {
            warn(.kuberunInsecure, "kuberun.connection.insecure")
        }
        for key in (ConfigSchema.of(KubernetesConnectionConfig()).keys ?? [:]).keys.sorted() {
            source.move(["connection", key], to: &result, ["connection", key])
        }
        source.move(["pod", "namespace"], to: &result, ["pod", "metadata", "namespace"])
        source.move(["pod", "podSpec"], to: &result, ["pod", "spec"])
        let same = [
            "consoleContainerNumber", "subsystems", "agentPath", "shellCommand", "idleCommand",
            "disableCommand",
        ]
        for key in same { source.move(["pod", key], to: &result, ["pod", key]) }
        // In this section the key meant the opposite of its name.
        let usesAgent = source.take(["pod", "disableAgent"]) == true
        result.set(.bool(!usesAgent), at: ["pod", "disableAgent"])
        result.set("session", at: ["pod", "mode"])
        let metadata: ConfigTree = ["namespace": "default", "generateName": "containerssh-"]
        result.set(
            metadata.merged(with: result[path: ["pod", "metadata"]] ?? [:]),
            at: ["pod", "metadata"]
        )
        problems += source.leftovers
        tree.set((tree["kubernetes"] ?? .null).merged(with: result), at: ["kubernetes"])
    }

    private mutating func disableCommand(_ value: ConfigTree?) {
        guard value == true else { return }
        tree.set("disable", at: ["security", "command", "mode"])
    }
}

/// A section of an older file that is taken apart key by key.
private struct LegacySection {
    private(set) var tree: ConfigTree
    private let path: String

    init(_ tree: ConfigTree, at path: String) {
        self.tree = tree
        self.path = path
    }

    mutating func take(_ key: [String]) -> ConfigTree? { tree.remove(key) }

    mutating func move(_ key: [String], to target: inout ConfigTree, _ newKey: [String]) {
        guard let value = take(key) else { return }
        target.set(value, at: newKey)
    }

    /// Moves one timeout to every key of a section of timeouts.
    mutating func move(_ key: [String], to target: inout ConfigTree, keys: some ConfigSection) {
        guard let value = take(key) else { return }
        for name in (ConfigSchema.of(keys).keys ?? [:]).keys {
            target.set(value, at: ["timeouts", name])
        }
    }

    /// Whatever nobody took.
    var leftovers: [ConfigProblem] { Self.leaves(tree, at: path) }

    private static func leaves(_ tree: ConfigTree, at path: String) -> [ConfigProblem] {
        guard case .map(let map) = tree else {
            return [ConfigProblem(path, "is not a known key")]
        }
        return map.sorted { $0.key < $1.key }.flatMap { leaves($0.value, at: join(path, $0.key)) }
    }
}
