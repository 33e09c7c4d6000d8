/// The engine's objects that pass through the configuration.
///
/// YAML files spell their fields in lower case with limits under `resources`; JSON replies use
/// the names of the engine's API. Both are brought to one form, so that a reply overrides a
/// file: names of fields in lower case without dots, `resources` lifted into `host`. Names that
/// a person chose (labels, volumes, ports, …) are left alone.
enum DockerObject {
    case container
    case host
    case network
    case platform

    /// Fields whose members are names out of the person's own world.
    private static let freeMaps: Set<String> = [
        "labels", "volumes", "exposedports", "portbindings", "annotations", "tmpfs", "sysctls",
        "storageopt", "driveropts", "driveropt", "options", "config", "endpointsconfig",
    ]

    /// The members of each value below a free name that are fields again.
    private static let fieldsBelowFree: Set<String> = ["endpointsconfig", "portbindings"]

    func canonical(_ tree: ConfigTree) -> ConfigTree {
        var result = Self.lowered(tree)
        guard self == .host, case .map(var host) = result else { return result }
        if case .map(let resources)? = host["resources"] {
            host["resources"] = nil
            host.merge(resources) { direct, _ in direct }
        }
        result = .map(host)
        return result
    }

    private static func lowered(_ tree: ConfigTree) -> ConfigTree {
        switch tree {
        case .list(let items): return .list(items.map(lowered))
        case .map(let map):
            var result: [String: ConfigTree] = [:]
            for (key, value) in map.sorted(by: { $0.key < $1.key }) {
                let name = Self.folded(key)
                result[name] = member(name, value)
            }
            return .map(result)
        case .null, .bool, .integer, .double, .string: return tree
        }
    }

    /// The engine's JSON reader takes U+017F for an S, in a name whose case it ignores; lowering
    /// alone would leave that (Go `encoding/json`, `foldName`).
    private static func folded(_ key: String) -> String {
        String(
            String.UnicodeScalarView(
                key.lowercased().unicodeScalars.compactMap { scalar in
                    switch scalar {
                    case "\u{17F}": "s"
                    case ".": nil
                    default: scalar
                    }
                }
            )
        )
    }

    private static func member(_ name: String, _ value: ConfigTree) -> ConfigTree {
        guard freeMaps.contains(name), case .map(let free) = value else { return lowered(value) }
        guard fieldsBelowFree.contains(name) else { return value }
        return .map(free.mapValues(lowered))
    }
}
