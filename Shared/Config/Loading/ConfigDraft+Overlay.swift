import SharedMessages

extension ConfigDraft {
    private static let prefix = "BERTH_"
    private static let fileSuffix = "_FILE"

    /// Lays environment variables over the tree: `BERTH_SSH__LISTEN` is the key `ssh.listen`,
    /// and `BERTH_SSH__LISTEN_FILE` names a file that holds its value.
    mutating func apply(
        _ environment: [String: String],
        readFile: (String) throws(ConfigProblems) -> [UInt8]
    ) {
        for (name, text) in environment.sorted(by: { $0.key < $1.key })
        where name.hasPrefix(Self.prefix) {
            let levels = Self.levels(name)
            if let key = resolve(levels) {
                set(key, text, origin: name)
            } else if name.hasSuffix(Self.fileSuffix),
                let key = resolve(Self.levels(String(name.dropLast(Self.fileSuffix.count))))
            {
                setFromFile(key, text, origin: name, readFile: readFile)
            } else {
                noteUnknown(name, levels)
            }
        }
    }

    /// Lays overrides of the form `key.path=value` over the tree.
    mutating func apply(_ overrides: [String]) {
        for override in overrides {
            let parts = override.split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            let name = String(parts[0])
            guard parts.count == 2 else {
                problems.append(ConfigProblem(name, "must be given as key=value", origin: "--set"))
                continue
            }
            let levels = name.split(separator: ".", omittingEmptySubsequences: false).map(
                String.init
            )
            guard let key = resolve(levels) else {
                problems.append(ConfigProblem(name, "is not a known key", origin: "--set"))
                continue
            }
            set(key, String(parts[1]), origin: "--set \(name)")
        }
    }

    private func resolve(_ levels: [String]) -> ResolvedKey? {
        guard levels.allSatisfy({ !$0.isEmpty }) else { return nil }
        return Self.schema.resolve(levels, in: tree)
    }

    private static func levels(_ name: String) -> [String] {
        var levels: [String] = []
        var rest = name.dropFirst(prefix.count)
        while let gap = rest.firstRange(of: "__") {
            levels.append(String(rest[..<gap.lowerBound]))
            rest = rest[gap.upperBound...]
        }
        return levels + [String(rest)]
    }

    private mutating func set(_ key: ResolvedKey, _ text: String, origin: String) {
        switch key.shape {
        case .scalar, .duration:
            let value = text.isEmpty ? .string("") : YAMLTree.scalar(text)
            set(key.path, value, origin)
        case .list, .map:
            do throws(ConfigProblems) {
                set(key.path, try YAMLTree.parse(Array(text.utf8)).tree, origin)
            } catch {
                note(error, key, origin)
            }
        }
    }

    /// Takes the file's text for the value, without the line break that editors put at its end.
    private mutating func setFromFile(
        _ key: ResolvedKey,
        _ path: String,
        origin: String,
        readFile: (String) throws(ConfigProblems) -> [UInt8]
    ) {
        do throws(ConfigProblems) {
            let bytes = try readFile(path)
            guard var text = String(validating: bytes, as: UTF8.self) else {
                throw ConfigProblems([ConfigProblem("", "is not UTF-8 text: \(path)")])
            }
            if let last = text.last, last.isNewline { text.removeLast() }
            set(key, text, origin: origin)
        } catch {
            note(error, key, origin)
        }
    }

    private mutating func note(_ error: ConfigProblems, _ key: ResolvedKey, _ origin: String) {
        let path = key.path.joined(separator: ".")
        problems += error.list.map { ConfigProblem(path, $0.rule, origin: origin) }
    }

    private mutating func set(_ path: [String], _ value: ConfigTree, _ origin: String) {
        tree.set(value, at: path)
        origins[path.joined(separator: ".")] = origin
    }

    /// A variable below a known section was surely meant for us; others come from the platform,
    /// which sets variables such as `BERTH_SERVICE_HOST` for a service that is called berth.
    private mutating func noteUnknown(_ name: String, _ levels: [String]) {
        if levels.count > 1, let first = levels.first, resolve([first]) != nil {
            problems.append(ConfigProblem(name, "names no key of the configuration"))
        } else {
            warn(.configVariableUnknown, name)
        }
    }
}
