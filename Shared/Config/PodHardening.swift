/// What holds for a pod unless its spec says otherwise: what Pod Security "restricted" asks for, no
/// access to the cluster, a limit on memory.
///
/// A member that the spec has, even as `null`, is left alone.
package enum PodHardening {
    /// Nobody in particular, and not root.
    private static let user = 1000
    private static let memory = "1Gi"

    package static func applied(to spec: ConfigTree) -> ConfigTree {
        var members = spec.members
        members["automountServiceAccountToken"] = members["automountServiceAccountToken"] ?? false
        members["enableServiceLinks"] = members["enableServiceLinks"] ?? false
        members["securityContext"] = podContext(members)
        for key in ["initContainers", "containers"] {
            guard case .list(let items)? = members[key] else { continue }
            members[key] = .list(items.map(container))
        }
        return .map(members.filter { $0.value != .null })
    }

    private static func podContext(_ members: [String: ConfigTree]) -> ConfigTree {
        var context = (members["securityContext"] ?? .null).members
        context["seccompProfile"] = context["seccompProfile"] ?? ["type": "RuntimeDefault"]
        let all = ["initContainers", "containers"].flatMap { (members[$0] ?? .null).elements }
        let own = all.map { ($0["securityContext"] ?? .null).members }
        let users = own.map { $0["runAsUser"] ?? context["runAsUser"] }
        let saysSomething = ([context] + own).contains {
            $0["runAsUser"] != nil || $0["runAsNonRoot"] != nil
        }
        if !saysSomething {
            context["runAsNonRoot"] = true
            context["runAsUser"] = .integer(user)
            context["runAsGroup"] = context["runAsGroup"] ?? .integer(user)
            context["fsGroup"] = context["fsGroup"] ?? .integer(user)
        } else if users.allSatisfy({ $0?.wholeNumber ?? 0 != 0 }) {
            context["runAsNonRoot"] = context["runAsNonRoot"] ?? true
        }
        return .map(context.filter { $0.value != .null })
    }

    private static func container(_ tree: ConfigTree) -> ConfigTree {
        var members = tree.members
        var context = (members["securityContext"] ?? .null).members
        if context["privileged"] != true {
            context["allowPrivilegeEscalation"] = context["allowPrivilegeEscalation"] ?? false
            if context["capabilities"] == nil {
                context["capabilities"] = ["drop": ["ALL"]]
            } else if case .map(var capabilities)? = context["capabilities"],
                capabilities["drop"] == nil
            {
                capabilities["drop"] = ["ALL"]
                context["capabilities"] = .map(capabilities)
            }
        }
        members["securityContext"] = .map(context.filter { $0.value != .null })
        if members["resources"] == nil {
            members["resources"] = ["limits": ["memory": .string(memory)]]
        }
        return .map(members.filter { $0.value != .null })
    }

    // MARK: - Limits

    /// The sum of the containers' limits, in bytes; 0 where one has none.
    package static func memory(_ spec: ConfigTree) -> Int {
        var sum = 0
        for container in (applied(to: spec)["containers"] ?? .null).elements {
            let limit = container[path: ["resources", "limits", "memory"]] ?? .null
            guard let bytes = quantity(limit) else { return 0 }
            sum += Int(bytes)
        }
        return sum
    }

    /// A quantity of the API, below 10¹⁸: `128Mi`, `1G`, `500m`.
    package static func quantity(_ tree: ConfigTree) -> Double? {
        switch tree {
        case .integer(let number): return Double(number)
        case .double(let number): return number
        case .string(let text): return quantity(text)
        case .null, .bool, .list, .map: return nil
        }
    }

    private static func quantity(_ text: String) -> Double? {
        let units: [(String, Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
            ("m", 1e-3), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("", 1),
        ]
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number >= 0,
                number * factor < 1e18
            else { return nil }
            return number * factor
        }
        return nil
    }
}
