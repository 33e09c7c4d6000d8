import SharedConfig

/// Gives the members of the container objects back the names that the engine's API uses.
///
/// The configuration holds them in lower case without dots, as ContainerSSH's files spell them,
/// with `resources` lifted into `host`. Names that a person chose (labels, volumes, …) stay as
/// they are; so do unknown ones below the top level. Unknown ones at the top level are left out:
/// the engine would read `container.hostconfig` as a second HostConfig.
enum ContainerFields {
    static func container(_ tree: ConfigTree) -> ConfigTree { top(DockerFields.container, tree) }

    static func host(_ tree: ConfigTree) -> ConfigTree { top(DockerFields.host, tree) }

    static func network(_ tree: ConfigTree) -> ConfigTree { top(DockerFields.network, tree) }

    private static func top(_ fields: [String], _ tree: ConfigTree) -> ConfigTree {
        let members = apiForm(tree).members
        let known = fields.compactMap { name in members[name].map { (name, $0) } }
        return .map(Dictionary(known) { first, _ in first })
    }

    private static func apiForm(_ tree: ConfigTree) -> ConfigTree {
        switch tree {
        case .list(let items): return .list(items.map(apiForm))
        case .map(let members):
            let renamed = members.map { name, value in (names[name] ?? name, member(name, value)) }
            return .map(Dictionary(renamed) { first, _ in first })
        case .null, .bool, .integer, .double, .string: return tree
        }
    }

    private static func member(_ name: String, _ value: ConfigTree) -> ConfigTree {
        guard freeMaps.contains(name), case .map(let members) = value else { return apiForm(value) }
        guard fieldsBelowFree.contains(name) else { return value }
        return .map(members.mapValues(apiForm))
    }

    /// Fields whose members are names out of the person's own world.
    private static let freeMaps: Set<String> = [
        "labels", "volumes", "exposedports", "portbindings", "annotations", "tmpfs", "sysctls",
        "storageopt", "driveropts", "options", "config", "endpointsconfig",
    ]

    private static let fieldsBelowFree: Set<String> = ["endpointsconfig", "portbindings"]

    private static let names: [String: String] = Dictionary(
        (DockerFields.container + DockerFields.host + DockerFields.network + DockerFields.nested)
            .map { ($0.lowercased(), $0) },
        uniquingKeysWith: { first, _ in first }
    )
}
