import GatewayCore
import SharedConfig
import SharedKubernetes
import SharedModels
import Testing

@testable import KubernetesBackend

@Suite("What a pod is made of")
struct PodPlanTests {
    private func pod(_ change: (inout KubernetesPodConfig) -> Void = { _ in })
        -> KubernetesPodConfig
    {
        var pod = KubernetesPodConfig()
        change(&pod)
        return pod
    }

    private func spec(
        _ first: PodPlan.First = .agentToCome,
        _ change: (inout KubernetesPodConfig) -> Void = { _ in }
    ) -> ConfigTree {
        PodPlan(pod(change), name: "a", first: first).body["spec"] ?? .null
    }

    private func console(_ spec: ConfigTree) -> ConfigTree {
        (spec["containers"] ?? .null).elements.first ?? .null
    }

    @Test("unknown members stay as the person wrote them")
    func unknown() {
        let spec = spec {
            $0.spec = [
                "newKey": ["deep": [1, "two", false]],
                "containers": [["name": "shell", "image": "x", "other": ["a": 1.5]]],
            ]
        }
        #expect(spec["newKey"] == ["deep": [1, "two", false]])
        #expect(console(spec)["other"] == ["a": 1.5])
    }

    @Test("unless the spec says otherwise a pod keeps to Pod Security restricted")
    func hardened() {
        let spec = spec()
        #expect(spec["automountServiceAccountToken"] == false)
        #expect(spec["restartPolicy"] == "Never")
        #expect(spec[path: ["securityContext", "runAsNonRoot"]] == true)
        #expect(spec[path: ["securityContext", "seccompProfile", "type"]] == "RuntimeDefault")
        let own = console(spec)
        #expect(own[path: ["securityContext", "allowPrivilegeEscalation"]] == false)
        #expect(own[path: ["securityContext", "capabilities", "drop"]] == ["ALL"])
        #expect(own[path: ["resources", "limits", "memory"]] == "1Gi")
        #expect(own["stdin"] == true && own["stdinOnce"] == true)
    }

    @Test("a member that is there, even as null, is left alone")
    func loosened() {
        let spec = spec {
            $0.spec = [
                "automountServiceAccountToken": true, "securityContext": ["runAsUser": 0],
                "containers": [["name": "shell", "image": "x", "resources": .null]],
            ]
        }
        #expect(spec["automountServiceAccountToken"] == true)
        #expect(spec[path: ["securityContext", "runAsUser"]] == 0)
        #expect(spec[path: ["securityContext", "runAsNonRoot"]] == nil)
        #expect(console(spec)["resources"] == nil)
    }

    @Test("the agent comes by a container before the others where there is an image")
    func image() {
        let spec = spec(.agentOfImage("agent:1"))
        let bringer = (spec["initContainers"] ?? .null).elements.first ?? .null
        #expect(bringer["image"] == "agent:1")
        #expect(bringer["command"] == ["/berth-agent", "install", "/.berth"])
        #expect(bringer[path: ["securityContext", "allowPrivilegeEscalation"]] == false)
        #expect(console(spec)["command"] == ["/.berth/agent", "init"])
        let mount = (console(spec)["volumeMounts"] ?? .null).elements.last ?? .null
        #expect(mount["readOnly"] == true)
    }

    @Test("the console container is the one with the configured number")
    func consoleNumber() {
        let plan = PodPlan(
            pod {
                $0.consoleContainerNumber = 1
                $0.spec = [
                    "containers": [["name": "z", "image": "x"], ["name": "a", "image": "y"]]
                ]
            },
            name: "p",
            first: .waiting
        )
        #expect(plan.container == "a")
        let containers = (plan.body[path: ["spec", "containers"]] ?? .null).elements
        #expect(containers[0]["command"] == nil)
        #expect(containers[1]["stdin"] == true)
    }

    @Test(
        "any text becomes a valid and short label",
        arguments: [
            ("alice", "alice"), ("a@b.c", "a-b.c"), ("-_.", ""), ("|x|", "x"), ("", ""),
            ("Ünï", "n"),
        ]
    )
    func labels(_ text: String, _ label: String) {
        #expect(PodKeys.labelValue(text) == label)
    }

    @Test("long names are shortened, and stay different")
    func long() {
        let (one, two) = (String(repeating: "a", count: 90), String(repeating: "a", count: 91))
        #expect(PodKeys.labelValue(one).utf8.count == 63)
        #expect(PodKeys.labelValue(one) != PodKeys.labelValue(two))
        #expect(PodKeys.podName(of: one).utf8.count == 63)
        #expect(PodKeys.podName(of: one) != PodKeys.podName(of: two))
        #expect(PodKeys.podName(of: "A") != PodKeys.podName(of: "a"))
        #expect(PodKeys.podName(of: "a.b@c") == "berth-user-a-2eb-40c")
    }

    @Test("metadata becomes environment, labels and annotations under the configured names")
    func exposed() {
        var carried = ConnectionMetadata()
        carried.metadata = [
            "team": MetadataValue("a/b", sensitive: false),
            "hidden": MetadataValue("x", sensitive: true),
        ]
        carried.environment = ["LANG": MetadataValue("C", sensitive: false)]
        let person = PodPerson(
            KubernetesFixture.request("f00", user: "alice", carried: carried),
            pod {
                $0.exposeAuthMetadataAsEnv = ["team": "TEAM", "absent": "ABSENT"]
                $0.exposeAuthMetadataAsLabels = ["team": "example.com/team"]
                $0.exposeAuthMetadataAsAnnotations = ["team": "example.com/team"]
            }
        )
        #expect(person.labels["example.com/team"] == "a-b")
        #expect(person.labels["containerssh_username"] == "alice")
        #expect(person.labels["containerssh_connection_id"] == "f00")
        #expect(person.annotations["example.com/team"] == "a/b")
        #expect(person.annotations["containerssh_ip"] == "192.0.2.7")
        #expect(person.environment.map { "\($0.name)=\($0.value)" } == ["LANG=C", "TEAM=a/b"])
    }

    @Test(
        "memory limits count for the pool",
        arguments: [
            ("128Mi", 134_217_728), ("1G", 1e9), ("5", 5), ("500m", 0.5), ("1e3", 1000),
            ("x", nil), ("-1", nil), ("1e30", nil), ("", nil),
        ] as [(String, Double?)]
    )
    func quantities(_ text: String, _ amount: Double?) {
        #expect(PodHardening.quantity(.string(text)) == amount)
    }
}
