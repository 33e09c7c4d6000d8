import Foundation
import SharedConfig
import SharedKubernetes
import Testing

/// What `deploy/kubernetes` says, and whether its parts fit together.
@Suite("Manifests")
struct ManifestTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../deploy/kubernetes").standardized

    private let objects: [ConfigTree]

    init() throws {
        var objects: [ConfigTree] = []
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        for file in files.sorted() where file.hasSuffix(".yaml") {
            let text = try String(
                contentsOf: Self.folder.appending(path: file),
                encoding: .utf8
            )
            for document in text.components(separatedBy: "\n---\n") {
                objects.append(try YAMLTree.parse(Array(document.utf8)).tree)
            }
        }
        self.objects = objects
    }

    private func all(_ kind: String) -> [ConfigTree] { objects.filter { $0.text("kind") == kind } }

    private func name(_ object: ConfigTree) -> String {
        (object["metadata"] ?? .null).text("name")
    }

    private var workloads: [ConfigTree] { all("Deployment") + all("StatefulSet") }

    private func podSpec(_ workload: ConfigTree) -> ConfigTree {
        workload[path: ["spec", "template", "spec"]] ?? .null
    }

    private func labels(_ workload: ConfigTree) -> [String: ConfigTree] {
        (workload[path: ["spec", "template", "metadata", "labels"]] ?? .null).members
    }

    private func ports(_ workload: ConfigTree) -> [String: Int] {
        let containers = (podSpec(workload)["containers"] ?? .null).elements
        let pairs = containers.flatMap { ($0["ports"] ?? .null).elements }
            .map { ($0.text("name"), ($0["containerPort"] ?? .null).wholeNumber ?? 0) }
        return Dictionary(pairs) { first, _ in first }
    }

    /// The workloads that a selector of labels fits.
    private func selected(_ labels: [String: ConfigTree]) -> [ConfigTree] {
        workloads.filter { workload in
            labels.allSatisfy { self.labels(workload)[$0.key] == $0.value }
        }
    }

    private func config() throws -> ConfigTree {
        let map = try #require(all("ConfigMap").first { name($0) == "berth" })
        let text = (map["data"] ?? .null).text("config.yaml")
        return try YAMLTree.parse(Array(text.utf8)).tree
    }

    @Test("every object has kind, version and name, and no two are the same")
    func named() {
        #expect(objects.count > 20)
        var seen: Set<String> = []
        for object in objects {
            #expect(!object.text("apiVersion").isEmpty)
            let space = (object["metadata"] ?? .null).text("namespace")
            let key = "\(object.text("kind")) \(space)/\(name(object))"
            #expect(seen.insert(key).inserted, "\(key) is there twice")
            #expect(!name(object).isEmpty)
            let isWide = object.text("kind") == "Namespace"
            #expect(isWide || ["berth", "berth-people"].contains(space), "\(key)")
        }
    }

    @Test("all five processes are there, hardened, with limits and probes")
    func hardened() {
        #expect(
            Set(workloads.map(name)) == ["gateway", "authd", "configd", "auditd", "metricsd"]
        )
        for workload in workloads {
            let spec = podSpec(workload)
            #expect(spec[path: ["securityContext", "runAsNonRoot"]] == true)
            #expect(
                spec[path: ["securityContext", "seccompProfile", "type"]] == "RuntimeDefault"
            )
            let hasToken = spec["automountServiceAccountToken"] == true
            #expect(hasToken == (name(workload) == "gateway"))
            for container in (spec["containers"] ?? .null).elements {
                let context = container["securityContext"] ?? .null
                #expect(context["allowPrivilegeEscalation"] == false)
                #expect(context["readOnlyRootFilesystem"] == true)
                #expect(context[path: ["capabilities", "drop"]] == ["ALL"])
                #expect(container[path: ["resources", "limits", "memory"]] != nil)
                for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                    #expect(container[probe] != nil, "\(name(workload)): \(probe)")
                }
            }
        }
    }

    @Test("what selects pods selects those of one process, and its ports are there")
    func references() throws {
        for service in all("Service") {
            let found = selected((service[path: ["spec", "selector"]] ?? .null).members)
            let workload = try #require(found.first, "\(name(service))")
            #expect(found.count == 1)
            for port in (service[path: ["spec", "ports"]] ?? .null).elements {
                #expect(ports(workload)[port.text("targetPort")] != nil, "\(name(service))")
            }
        }
        for object in all("PodDisruptionBudget") + all("NetworkPolicy") {
            let key = object.text("kind") == "NetworkPolicy" ? "podSelector" : "selector"
            let labels = (object[path: ["spec", key, "matchLabels"]] ?? .null).members
            guard !labels.isEmpty else { continue }
            #expect(selected(labels).count == 1, "\(name(object))")
        }
        for scaler in all("HorizontalPodAutoscaler") {
            let target = scaler[path: ["spec", "scaleTargetRef"]] ?? .null
            #expect(
                workloads.contains {
                    name($0) == target.text("name") && $0.text("kind") == target.text("kind")
                }
            )
        }
        for workload in workloads {
            #expect(
                selected((workload[path: ["spec", "selector", "matchLabels"]] ?? .null).members)
                    .map(name) == [name(workload)]
            )
            let account = podSpec(workload).text("serviceAccountName")
            #expect(all("ServiceAccount").map(name).contains(account))
        }
    }

    @Test("every mount has its volume, every volume its config map or secret")
    func volumes() throws {
        let script = try String(
            contentsOf: Self.folder.appending(path: "secrets.sh"),
            encoding: .utf8
        )
        for workload in workloads {
            let spec = podSpec(workload)
            let claims = (workload[path: ["spec", "volumeClaimTemplates"]] ?? .null).elements
            let volumes = (spec["volumes"] ?? .null).elements
            let known = Set(volumes.map { $0.text("name") } + claims.map(name))
            for container in (spec["containers"] ?? .null).elements {
                for mount in (container["volumeMounts"] ?? .null).elements {
                    #expect(known.contains(mount.text("name")), "\(name(workload))")
                }
            }
            for volume in volumes {
                if let map = volume["configMap"] {
                    #expect(all("ConfigMap").map(name).contains(map.text("name")))
                }
                if let tree = volume["secret"] {
                    let secret = tree.text("secretName")
                    let made =
                        secret == "gateway-host" || secret == "\(name(workload))-tls"
                    #expect(made, "\(secret)")
                }
            }
        }
        for part in [
            "gateway authd configd auditd metricsd", "secret \"$name-tls\"", "gateway-host",
        ] {
            #expect(script.contains(part))
        }
    }

    @Test("the configuration is valid, and its addresses are those of the services")
    func configuration() throws {
        let tree = try config()
        let file = ConfigFile(path: "config.json", bytes: Array(tree.json.utf8))
        #expect(try ConfigLoader.load(file).config.backend == .kubernetes)
        let text = tree.json
        for service in all("Service") where name(service) != "gateway" {
            let port = (service[path: ["spec", "ports"]] ?? .null).elements.first ?? .null
            let number = (port["port"] ?? .null).wholeNumber ?? 0
            #expect(text.contains("https://\(name(service)):\(number)"), "\(name(service))")
            #expect(
                (tree[name(service)] ?? .null).text("listen") == "0.0.0.0:\(number)",
                "\(name(service))"
            )
        }
        let gateway = try #require(workloads.first { name($0) == "gateway" })
        #expect(ports(gateway)["ssh"] == 2222)
        #expect(tree[path: ["ssh", "listen"]] == "0.0.0.0:2222")
        let health = "0.0.0.0:\(ports(gateway)["health"] ?? 0)"
        #expect(tree[path: ["health", "listen"]] == .string(health))
        #expect(tree[path: ["metrics", "listen"]] == "0.0.0.0:9100")
    }

    @Test("the gateway's rights are those that it needs, where the pods are made")
    func rights() throws {
        let role = try #require(all("Role").first)
        let space = try config()[path: ["kubernetes", "pod", "metadata", "namespace"]]
        #expect(role[path: ["metadata", "namespace"]] == space)
        #expect(all("ClusterRole").isEmpty && all("Role").count == 1)
        var verbs: [String: [ConfigTree]] = [:]
        for rule in (role["rules"] ?? .null).elements {
            for resource in (rule["resources"] ?? .null).elements {
                if case .string(let name) = resource {
                    verbs[name] = (rule["verbs"] ?? .null).elements
                }
            }
        }
        #expect(
            verbs == [
                "pods": ["create", "get", "list", "watch", "patch", "delete"],
                "pods/exec": ["create", "get"], "pods/attach": ["create", "get"],
                "pods/log": ["get"],
            ]
        )
    }
}
