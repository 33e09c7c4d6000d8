import SharedMessages

/// A configuration on its way from a file to a value: a tree that layers are laid over.
struct ConfigDraft {
    static let schema = ConfigSchema.of(BerthConfig())

    var tree: ConfigTree
    var origins: [String: String]
    var problems: [ConfigProblem] = []
    private(set) var warnings: [ConfigWarning] = []

    init(_ file: ConfigFile) throws(ConfigProblems) {
        let parsed = try file.parse()
        // Keys of JSON files match whatever their case, as in replies of webhooks.
        tree = file.isJSON ? Self.schema.canonical(parsed.tree) : parsed.tree
        if tree == .null { tree = .map([:]) }
        origins = parsed.origins
    }

    /// Notes a warning unless it has been noted before.
    mutating func warn(_ code: MessageCode, _ text: String) {
        let warning = ConfigWarning(code, text)
        if !warnings.contains(warning) { warnings.append(warning) }
    }

    /// Reads the tree and checks every rule.
    consuming func decode() throws(ConfigProblems) -> LoadedConfig {
        var config = BerthConfig()
        problems += ConfigReader.read(tree, into: &config, at: "")
        let misread = Set(problems.map(\.path))
        problems += RuleChecker.problems(of: config, at: "").filter { !misread.contains($0.path) }
        guard problems.isEmpty else {
            throw ConfigProblems(problems.map(located))
        }
        warnAboutAlgorithms(config)
        warnAboutRedaction(config)
        return LoadedConfig(config: config, warnings: warnings, origins: origins)
    }

    private func located(_ problem: ConfigProblem) -> ConfigProblem {
        var problem = problem
        if problem.origin == nil { problem.origin = origins[problem.path] }
        return problem
    }

    private mutating func warnAboutRedaction(_ config: BerthConfig) {
        let intercept = config.audit.intercept
        guard config.audit.enable, intercept.stdin, intercept.redactHiddenInput,
            !config.knowsHiddenInput
        else { return }
        warn(.configRedactionUnavailable, "audit.intercept.redactHiddenInput")
    }

    private mutating func warnAboutAlgorithms(_ config: BerthConfig) {
        let ssh = config.ssh
        let server = ssh.ciphers + ssh.kex + ssh.macs + ssh.hostKeyAlgorithms
        for name in SSHAlgorithms.gone(among: server) {
            warn(.configAlgorithmNotOffered, "ssh: \(name)")
        }
        for name in SSHAlgorithms.weak(among: server) {
            warn(.configAlgorithmWeak, "ssh: \(name)")
        }
    }
}

extension BerthConfig {
    /// Whether programs of the configured backend run behind a terminal of Berth's own.
    fileprivate var knowsHiddenInput: Bool {
        switch backend {
        case .sandbox, .oci: true
        case .docker: !docker.execution.disableAgent && docker.execution.agent.delivery != .none
        case .kubernetes: !kubernetes.pod.disableAgent
        default: false
        }
    }
}
