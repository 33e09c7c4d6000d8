import SharedConfig
import SharedKubernetes

/// What holds for a pod unless its spec says otherwise: what Pod Security "restricted" asks for, no
/// access to the cluster, a limit on memory.
///
/// A member that the spec has, even as `null`, is left alone.
enum PodHardening {
    /// Nobody in particular, and not root.
    private static let user = 1000
    private static let memory = "1Gi"

    static func applied(to spec: ConfigTree) -> ConfigTree {
        var members = spec.members
        members["automountServiceAccountToken"] = members["automountServiceAccountToken"] ?? false
        members["enableServiceLinks"] = members["enableServiceLinks"] ?? false
        members["securityContext"] = podContext(members)
        for key in ["initContainers", "containers"] {
            guard case .list(let items)? = members[key] else { continue }
            members[key] = .list(items.map { container($0, hasLimit: key == "containers") })
        }
        return .map(members.filter { $0.value != .null })
    }

    private static func podContext(_ members: [String: ConfigTree]) -> ConfigTree {
        var context = (members["securityContext"] ?? .null).members
        context["seccompProfile"] = context["seccompProfile"] ?? ["type": "RuntimeDefault"]
        let all = ["initContainers", "containers"].flatMap { (members[$0] ?? .null).elements }
        let own = all.map { ($0["securityContext"] ?? .null).members }
        let choosesUser = ([context] + own).contains {
            $0["runAsUser"] != nil || $0["runAsNonRoot"] != nil
        }
        if !choosesUser {
            context["runAsNonRoot"] = true
            context["runAsUser"] = .integer(user)
            context["runAsGroup"] = context["runAsGroup"] ?? .integer(user)
            context["fsGroup"] = context["fsGroup"] ?? .integer(user)
        } else if case .integer(let user)? = context["runAsUser"], user != 0 {
            context["runAsNonRoot"] = context["runAsNonRoot"] ?? true
        }
        return .map(context.filter { $0.value != .null })
    }

    private static func container(_ tree: ConfigTree, hasLimit: Bool) -> ConfigTree {
        var members = tree.members
        var context = (members["securityContext"] ?? .null).members
        if context["privileged"] != true {
            context["allowPrivilegeEscalation"] = context["allowPrivilegeEscalation"] ?? false
            if context["capabilities"] == nil {
                context["capabilities"] = ["drop": ["ALL"]]
            } else if var capabilities = context["capabilities"]?.members,
                capabilities["drop"] == nil
            {
                capabilities["drop"] = ["ALL"]
                context["capabilities"] = .map(capabilities)
            }
        }
        members["securityContext"] = .map(context.filter { $0.value != .null })
        if hasLimit, members["resources"] == nil {
            members["resources"] = ["limits": ["memory": .string(memory)]]
        }
        return .map(members.filter { $0.value != .null })
    }
}
