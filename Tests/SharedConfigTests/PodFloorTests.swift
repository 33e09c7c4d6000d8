import SharedConfig
import Testing

@Suite("What the floor lets a reply do to a pod")
struct PodFloorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// Members of the pod's spec.
        var spec: String
        /// Where it is found, below `kubernetes.pod.spec`.
        var path: String
        /// What permits it.
        var key: String
        var testDescription: String { "\(spec) is found at \(path)" }
    }

    /// A container's member, beside a limit that needs no permission.
    private static func container(_ member: String, _ path: String, _ key: String) -> Case {
        Case(
            spec: #"{"containers":[{"name":"a","image":"x",\#(member)}]}"#,
            path: "containers[0].\(path)",
            key: key
        )
    }

    private static func own(_ context: String, _ path: String) -> Case {
        container(
            #""securityContext":{\#(context)}"#,
            "securityContext.\(path)",
            "allowPrivileged"
        )
    }

    private static func common(_ context: String, _ path: String) -> Case {
        Case(spec: #"{"securityContext":{\#(context)}}"#, path: path, key: "allowPrivileged")
    }

    private static let containers: [Case] = [
        own(#""privileged":true"#, "privileged"),
        own(#""allowPrivilegeEscalation":true"#, "allowPrivilegeEscalation"),
        own(#""allowPrivilegeEscalation":null"#, "allowPrivilegeEscalation"),
        own(#""capabilities":{"add":["SYS_ADMIN"]}"#, "capabilities"),
        own(#""capabilities":{"add":["CHOWN"],"drop":["ALL"]}"#, "capabilities"),
        own(#""capabilities":{"drop":[]}"#, "capabilities"),
        own(#""capabilities":{"drop":["NET_RAW"]}"#, "capabilities"),
        own(#""runAsUser":0"#, "runAsUser"),
        own(#""runAsNonRoot":false"#, "runAsNonRoot"),
        own(#""procMount":"Unmasked""#, "procMount"),
        own(#""seccompProfile":{"type":"Unconfined"}"#, "seccompProfile"),
        own(#""seccompProfile":{"type":"other"}"#, "seccompProfile"),
        own(#""appArmorProfile":{"type":"Unconfined"}"#, "appArmorProfile"),
        own(#""seLinuxOptions":{"type":"spc_t"}"#, "seLinuxOptions"),
        own(#""seLinuxOptions":{"user":"system_u"}"#, "seLinuxOptions"),
        own(#""windowsOptions":{"hostProcess":true}"#, "windowsOptions"),
        container(
            #""ports":[{"containerPort":1,"hostPort":22}]"#,
            "ports.hostPort",
            "allowHostNetwork"
        ),
        container(#""resources":{}"#, "resources.limits.memory", "allowUnlimited"),
        container(#""resources":null"#, "resources.limits.memory", "allowUnlimited"),
        container(
            #""resources":{"limits":{"memory":"lots"}}"#,
            "resources.limits.memory",
            "allowUnlimited"
        ),
    ]

    private static let pods: [Case] = [
        common(#""runAsUser":0"#, "containers[0].securityContext.runAsUser"),
        common(#""runAsNonRoot":false"#, "containers[0].securityContext.runAsNonRoot"),
        common(#""seccompProfile":{"type":"Unconfined"}"#, "securityContext.seccompProfile"),
        common(#""sysctls":[{"name":"kernel.msgmax","value":"1"}]"#, "securityContext.sysctls"),
        common(#""seLinuxOptions":{"role":"r"}"#, "securityContext.seLinuxOptions"),
        Case(spec: #"{"hostNetwork":true}"#, path: "hostNetwork", key: "allowHostNetwork"),
        Case(spec: #"{"hostPID":true}"#, path: "hostPID", key: "allowHostNamespaces"),
        Case(spec: #"{"hostIPC":true}"#, path: "hostIPC", key: "allowHostNamespaces"),
        Case(
            spec: #"{"volumes":[{"name":"v","hostPath":{"path":"/"}}]}"#,
            path: "volumes[0].hostPath",
            key: "allowHostMounts"
        ),
        Case(
            spec: #"{"volumes":[{"name":"w","emptyDir":{}},{"name":"v","nfs":{"server":"s"}}]}"#,
            path: "volumes[1].nfs",
            key: "allowHostMounts"
        ),
        Case(
            spec:
                #"{"initContainers":[{"name":"i","image":"x","securityContext":{"privileged":true}}]}"#,
            path: "initContainers[0].securityContext.privileged",
            key: "allowPrivileged"
        ),
    ]

    private static let accounts: [Case] = [
        #""automountServiceAccountToken":true"#, #""serviceAccountName":"admin""#,
        #""serviceAccount":"admin""#, #""nodeName":"control-plane""#,
        #""priorityClassName":"system-node-critical""#, #""priority":2000000000"#,
        #""runtimeClassName":"weak""#,
    ].map { member in
        let name = String(member.split(separator: "\"")[0])
        return Case(spec: "{\(member)}", path: name, key: "allowPrivileged")
    }

    private static let cases = containers + pods + accounts

    private func problems(_ reply: ConfigTree, over file: String = "{}") throws -> [String] {
        var tree = try json(file)
        tree.set("kubernetes", at: ["backend"])
        let config = try load(tree.json).config
        do {
            _ = try config.applying(reply: reply)
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    private func reply(_ spec: String) throws -> ConfigTree {
        ["kubernetes": ["pod": ["spec": try json(spec)]]]
    }

    @Test("a dangerous setting is refused where it stands", arguments: cases)
    func refused(_ sample: Case) throws {
        let found = try problems(reply(sample.spec))
        #expect(found.first?.hasPrefix("kubernetes.pod.spec.\(sample.path):") == true, "\(found)")
        #expect(found.allSatisfy { $0.contains("floor.\(sample.key)") }, "\(found)")
    }

    @Test("the floor's key permits it, and so does the file that has it itself", arguments: cases)
    func permitted(_ sample: Case) throws {
        let floor = #"{"floor":{"\#(sample.key)":true}}"#
        #expect(try problems(reply(sample.spec), over: floor) == [])
        var file: ConfigTree = ["kubernetes": ["pod": ["spec": try json(sample.spec)]]]
        if file[path: ["kubernetes", "pod", "spec", "containers"]] == nil {
            file.set(
                [["name": "a", "image": "x"]],
                at: ["kubernetes", "pod", "spec", "containers"]
            )
        }
        #expect(try problems(["security": ["maxSessions": 3]], over: file.json) == [])
    }

    @Test(
        "what a pod may have needs no permission",
        arguments: [
            #"{"securityContext":{"runAsUser":2000,"fsGroup":1}}"#,
            #"{"containers":[{"name":"a","image":"x","securityContext":{"runAsUser":5}}]}"#,
            #"{"securityContext":{"sysctls":[{"name":"net.ipv4.tcp_syncookies","value":"1"}]}}"#,
            #"{"volumes":[{"name":"a","emptyDir":{}},{"name":"b","persistentVolumeClaim":{}}]}"#,
            #"{"nodeSelector":{"team":"a"},"tolerations":[{"key":"team"}],"unknown":[1]}"#,
            #"{"hostNetwork":false,"hostPID":null,"automountServiceAccountToken":false}"#,
            #"{"containers":[{"name":"a","image":"x","resources":{"limits":{"memory":"9Gi"}}}]}"#,
            #"{"containers":[{"name":"a","image":"x","securityContext":{"capabilities":{"add":["NET_BIND_SERVICE"]}}}]}"#,
            #"{"containers":[{"name":"a","image":"x","ports":[{"containerPort":80}]}]}"#,
        ]
    )
    func harmless(_ spec: String) throws { #expect(try problems(reply(spec)) == []) }

    @Test(
        "each container keeps to the floor's memory and processors",
        arguments: [
            (#"{"memory":"3Gi"}"#, "memory"), (#"{"memory":null}"#, "memory"),
            (#"{"memory":"1Gi","cpu":"2500m"}"#, "cpu"),
        ]
    )
    func amounts(_ limits: String, _ name: String) throws {
        let spec = #"{"containers":[{"name":"a","image":"x","resources":{"limits":\#(limits)}}]}"#
        let found = try problems(
            reply(spec),
            over: #"{"floor":{"maxMemory":2147483648,"maxCPUs":2}}"#
        )
        let path = "kubernetes.pod.spec.containers[0].resources.limits.\(name):"
        #expect(found.contains { $0.hasPrefix(path) }, "\(found)")
    }

    @Test("AppArmor cannot be switched off by an annotation either")
    func annotation() throws {
        let key = "container.apparmor.security.beta.kubernetes.io/a"
        let metadata: ConfigTree = ["annotations": .map([key: "unconfined"])]
        let found = try problems(["kubernetes": ["pod": ["metadata": metadata]]])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("kubernetes.pod.metadata.annotations:") == true)
    }

    @Test("a pod that exists may be anybody's, another cluster would get the credentials")
    func places() throws {
        let persistent: ConfigTree = ["kubernetes": ["pod": ["mode": "persistent"]]]
        #expect(try problems(persistent).first?.hasPrefix("kubernetes.pod.mode:") == true)
        let cluster: ConfigTree = ["kubernetes": ["connection": ["host": "192.0.2.1"]]]
        #expect(try problems(cluster).first?.hasPrefix("kubernetes.connection:") == true)
        #expect(try problems(cluster, over: #"{"floor":{"allowConnection":true}}"#) == [])
    }
}
