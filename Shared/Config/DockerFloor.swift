/// What the floor forbids in a person's settings of the docker backend.
///
/// Judged is what the engine would make of the settings: a member that is missing has the
/// backend's default, one that nobody has judged here is not passed on (`DockerFields`).
struct DockerFloor {
    let floor: FloorConfig
    let execution: DockerExecutionConfig
    private let path = "docker.execution.host"
    private var host: ConfigTree { execution.host }

    func check(_ list: inout Crossings) {
        misplaced(&list)
        if !floor.allowPrivileged { privileges(&list) }
        if !floor.allowHostNetwork { network(&list) }
        if !floor.allowHostNamespaces { namespaces(&list) }
        if !floor.allowHostMounts { mounts(&list) }
        limits(&list)
    }

    /// These do nothing where they stand; whoever wrote them thinks they do.
    private func misplaced(_ list: inout Crossings) {
        let own = Set(DockerFields.container.map { $0.lowercased() })
        let foreign = ["HostConfig", "NetworkingConfig"] + DockerFields.host
        for key in foreign.map({ $0.lowercased() }).sorted() where !own.contains(key) {
            guard execution.container[key] != nil else { continue }
            let rule = "is not a member of container; see docker.execution.host and network"
            list.add("docker.execution.container.\(key)", nil, rule)
        }
    }

    // MARK: - Privileges

    private func privileges(_ list: inout Crossings) {
        let rule = "needs floor.allowPrivileged"
        let keys = [
            "privileged", "devices", "devicerequests", "devicecgrouprules", "sysctls", "runtime",
            "cgroupparent", "cgroup", "annotations", "cpurealtimeperiod", "cpurealtimeruntime",
            "oomkilldisable",
        ]
        for key in keys {
            guard let value = host[key]?.withoutEmptyValues else { continue }
            list.add("\(path).\(key)", value.json, rule)
        }
        // Empty means "none is masked".
        for key in ["maskedpaths", "readonlypaths"] where (host[key] ?? .null) != .null {
            list.add("\(path).\(key)", host[key]?.json, rule)
        }
        if let score = host["oomscoreadj"], score != .null, score.wholeNumber ?? -1 < 0 {
            list.add("\(path).oomscoreadj", score.summary, rule)
        }
        for group in host["groupadd"]?.items ?? [] where group == "keep-groups" {
            list.add("\(path).groupadd", group.summary, rule)
        }
        capabilities(&list)
        securityOptions(&list)
        ulimits(&list)
        logging(&list)
        let restart = host[path: ["restartpolicy", "name"]].flatMap(String.text(of:)) ?? ""
        if execution.mode != .persistent, !["", "no"].contains(restart) {
            list.add("\(path).restartpolicy", "\"\(restart)\"", rule)
        }
    }

    private func capabilities(_ list: inout Crossings) {
        let allowed = Set((floor.capabilities + DockerHardening.capabilities).map(Self.capability))
        let rule = "can only have what floor.capabilities lists, or needs floor.allowPrivileged"
        for name in names(host["capadd"]) where !allowed.contains(name) {
            list.add("\(path).capadd", "\"\(name)\"", rule)
        }
        // Who says what to drop gets the engine's own list for the rest.
        guard let drop = host["capdrop"], drop != .null else { return }
        let dropped = Set(names(drop))
        guard !dropped.contains("ALL") else { return }
        let kept = DockerHardening.engineCapabilities.filter {
            !dropped.contains($0) && !allowed.contains($0)
        }
        guard !kept.isEmpty else { return }
        list.add("\(path).capdrop", "keeps \(kept.joined(separator: ", "))", rule)
    }

    private func names(_ tree: ConfigTree?) -> [String] {
        (tree?.items ?? []).map { Self.capability(String.text(of: $0) ?? $0.summary) }
    }

    private static func capability(_ name: String) -> String {
        let upper = name.uppercased()
        return upper.hasPrefix("CAP_") ? String(upper.dropFirst(4)) : upper
    }

    private func securityOptions(_ list: inout Crossings) {
        let harmless = ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"]
        for option in host["securityopt"]?.items ?? [] {
            guard !harmless.contains(String.text(of: option) ?? "") else { continue }
            list.add("\(path).securityopt", option.summary, "needs floor.allowPrivileged")
        }
    }

    /// Of the others some lock memory of the host, some take its processors or its queues.
    private func ulimits(_ list: inout Crossings) {
        let harmless = [
            "as", "core", "cpu", "data", "fsize", "nofile", "nproc", "rss", "stack",
        ]
        let mostFiles = 1 << 20
        for limit in host["ulimits"]?.items ?? [] {
            let name = limit["name"].flatMap(String.text(of:)) ?? ""
            let hard = limit["hard"]?.wholeNumber ?? 0
            let isHigh = name == "nofile" && !(0...mostFiles).contains(hard)
            guard !harmless.contains(name) || isHigh else { continue }
            list.add("\(path).ulimits", limit.json, "needs floor.allowPrivileged")
        }
    }

    /// Other drivers send to addresses, or write to files, of the reply's choice.
    private func logging(_ list: inout Crossings) {
        guard let log = host["logconfig"]?.withoutEmptyValues else { return }
        let kind = log["type"].flatMap(String.text(of:)) ?? ""
        var options: [String] = []
        if case .map(let members)? = log["config"] { options = members.keys.sorted() }
        let harmless = ["max-size", "max-file", "compress", "tag", "mode", "max-buffer-size"]
        let isHarmless = ["", "none", "json-file", "local"].contains(kind)
        guard !isHarmless || !options.allSatisfy(harmless.contains) else { return }
        list.add("\(path).logconfig", log.json, "needs floor.allowPrivileged")
    }

    // MARK: - Namespaces

    private func network(_ list: inout Crossings) {
        let rule = "needs floor.allowHostNetwork"
        let mode = text("networkmode")
        // With a colon: another container's, a file's, or options for the host's side.
        if mode.lowercased() == "host" || mode.contains(":") {
            list.add("\(path).networkmode", "\"\(mode)\"", rule)
        }
        for key in ["links", "portbindings", "publishallports"] {
            guard let value = host[key]?.withoutEmptyValues else { continue }
            list.add("\(path).\(key)", value.json, rule)
        }
        guard case .map(let endpoints)? = execution.network["endpointsconfig"] else { return }
        for (name, settings) in endpoints.sorted(by: { $0.key < $1.key }) {
            let place = "docker.execution.network.endpointsconfig.\(name)"
            if name.lowercased() == "host" || name.contains(":") { list.add(place, nil, rule) }
            if let links = settings["links"]?.withoutEmptyValues {
                list.add("\(place).links", links.json, rule)
            }
        }
    }

    private func namespaces(_ list: inout Crossings) {
        let own = [
            "pidmode": ["private"], "ipcmode": ["private", "none", "shareable"],
            "utsmode": ["private"], "usernsmode": ["private"], "cgroupnsmode": ["private"],
        ]
        for (key, modes) in own.sorted(by: { $0.key < $1.key }) {
            let mode = text(key)
            guard !mode.isEmpty, !modes.contains(mode) else { continue }
            list.add("\(path).\(key)", "\"\(mode)\"", "needs floor.allowHostNamespaces")
        }
    }

    private func text(_ key: String) -> String {
        guard let value = host[key]?.withoutEmptyValues else { return "" }
        return String.text(of: value) ?? value.json
    }

    // MARK: - Mounts

    private func mounts(_ list: inout Crossings) {
        let rule = "needs floor.allowHostMounts"
        for bind in host["binds"]?.items ?? [] {
            let parts = (String.text(of: bind) ?? "").split(separator: ":", maxSplits: 1)
            guard parts.count < 2 || !Self.isVolumeName(parts[0]) else { continue }
            list.add("\(path).binds", bind.summary, rule)
        }
        for mount in host["mounts"]?.items ?? [] where !isHarmless(mount) {
            list.add("\(path).mounts", mount.json, rule)
        }
        for key in ["volumesfrom", "volumedriver", "containeridfile"] {
            guard let value = host[key]?.withoutEmptyValues else { continue }
            list.add("\(path).\(key)", value.json, rule)
        }
    }

    private func isHarmless(_ mount: ConfigTree) -> Bool {
        // Podman's copy of the API writes the parts into one text with commas.
        let target = mount["target"].flatMap(String.text(of:)) ?? ""
        guard !target.contains(where: { ",\"\n\r".contains($0) }) else { return false }
        switch mount["type"].flatMap(String.text(of:))?.lowercased() {
        case "tmpfs": return true
        case "volume":
            // A volume driver can be told to mount any directory.
            let driver = mount[path: ["volumeoptions", "driverconfig"]]?.withoutEmptyValues
            let source = mount["source"].flatMap(String.text(of:)) ?? ""
            return driver == nil && (source.isEmpty || Self.isVolumeName(source[...]))
        default: return false
        }
    }

    /// What is no such name is a path (`volume/names` of the engine).
    private static func isVolumeName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, first.isLetterOrDigit else { return false }
        return text.utf8.allSatisfy { $0.isLetterOrDigit || "_.-".utf8.contains($0) }
    }

    // MARK: - Limits

    private func limits(_ list: inout Crossings) {
        let memory = amount("memory", DockerHardening.memory)
        limit(memory, floor.maxMemory, "memory", "floor.maxMemory", &list)
        let pids = amount("pidslimit", DockerHardening.pids)
        limit(pids, floor.maxPids, "pidslimit", "floor.maxPids", &list)
        swap(&list)
        guard floor.maxCPUs > 0 else { return }
        let most = Int((floor.maxCPUs * 1e9).rounded())
        list.limit(amount("nanocpus", 0), most, "\(path).nanocpus", "floor.maxCPUs")
    }

    private func limit(
        _ amount: Int,
        _ most: Int,
        _ key: String,
        _ name: String,
        _ list: inout Crossings
    ) {
        if most > 0 {
            list.limit(amount, most, "\(path).\(key)", name)
        } else if amount <= 0, !floor.allowUnlimited {
            list.add("\(path).\(key)", "without limit", "needs floor.allowUnlimited")
        }
    }

    /// Counts memory and swap together; 0: twice the memory.
    private func swap(_ list: inout Crossings) {
        let swap = amount("memoryswap", 0, nothing: -1)
        if swap < 0, !floor.allowUnlimited || floor.maxMemory > 0 {
            list.add("\(path).memoryswap", "without limit", "needs floor.allowUnlimited")
        }
        guard floor.maxMemory > 0, swap > 0, floor.maxMemory <= Int.max / 2 else { return }
        list.limit(swap, 2 * floor.maxMemory, "\(path).memoryswap", "twice floor.maxMemory")
    }

    /// The limit under `key`; 0 and below: none. What is no whole number counts as `nothing`.
    private func amount(_ key: String, _ standard: Int, nothing: Int = 0) -> Int {
        // A member that is there, even as null, is not replaced by the default.
        guard let value = host[key] else { return standard }
        return value.wholeNumber ?? (value == .null ? 0 : nothing)
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
