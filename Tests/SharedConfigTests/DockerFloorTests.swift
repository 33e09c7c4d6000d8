import SharedConfig
import Testing

@Suite("What the floor lets a reply do to a container")
struct DockerFloorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var execution: String
        /// Where the first problem is found.
        var path: String
        /// What permits it.
        var key: String
        var testDescription: String { "\(execution) is found at \(path)" }

        init(_ execution: String, _ path: String, _ key: String) {
            self.execution = execution
            self.path = path
            self.key = key
        }

        /// A member of `host` with its permission.
        static func host(_ name: String, _ value: String, _ key: String) -> Case {
            Case(#"{"host":{"\#(name)":\#(value)}}"#, "host.\(name.lowercased())", key)
        }
    }

    private static let privileged: [Case] = [
        ("Privileged", "true"), ("Privileged", "\"true\""), ("Privileged", "1"),
        ("CapAdd", #"["SYS_ADMIN"]"#), ("CapAdd", #""ALL""#), ("CapAdd", #"["cap_net_raw"]"#),
        ("CapAdd", #"["CHOWN","CAP_SYS_PTRACE"]"#),
        ("CapDrop", "[]"), ("CapDrop", #"["MKNOD"]"#), ("CapDrop", #""NET_RAW""#),
        ("Devices", #"[{"PathOnHost":"/dev/sda","PathInContainer":"/dev/sda"}]"#),
        ("DeviceRequests", #"[{"Driver":"nvidia","Count":-1}]"#),
        ("DeviceCgroupRules", #"["a *:* rwm"]"#),
        ("SecurityOpt", #"["seccomp=unconfined"]"#), ("SecurityOpt", #"["seccomp={}"]"#),
        ("SecurityOpt", #"["apparmor=unconfined"]"#), ("SecurityOpt", #"["label=disable"]"#),
        ("SecurityOpt", #"["no-new-privileges:false"]"#),
        ("SecurityOpt", #"["no-new-privileges","no-new-privileges=false"]"#),
        ("SecurityOpt", #"["systempaths=unconfined"]"#), ("SecurityOpt", #""seccomp:unconfined""#),
        ("MaskedPaths", "[]"), ("ReadonlyPaths", "[]"), ("MaskedPaths", #"["/proc/kcore"]"#),
        ("Sysctls", #"{"net.ipv4.ip_forward":"1"}"#), ("Runtime", #""runc-debug""#),
        ("CgroupParent", #""/""#), ("Cgroup", #""container:x""#),
        ("Annotations", #"{"run.oci.hooks":"x"}"#), ("OomKillDisable", "true"),
        ("OomScoreAdj", "-1000"), ("OomScoreAdj", #""-1000""#), ("OomScoreAdj", "-999.5"),
        ("Ulimits", #"[{"Name":"memlock","Soft":-1,"Hard":-1}]"#),
        ("Ulimits", #"[{"Name":"rtprio","Hard":99}]"#),
        ("Ulimits", #"[{"Name":"nofile","Soft":1,"Hard":-1}]"#),
        ("CpuRealtimeRuntime", "950000"), ("GroupAdd", #"["keep-groups"]"#),
        ("LogConfig", #"{"Type":"syslog","Config":{"syslog-address":"udp://x:1"}}"#),
        ("LogConfig", #"{"Type":"gelf"}"#),
        ("LogConfig", #"{"Type":"json-file","Config":{"path":"/etc/cron.d/x"}}"#),
        ("RestartPolicy", #"{"Name":"always"}"#),
    ].map { .host($0.0, $0.1, "allowPrivileged") }

    private static let places: [Case] =
        [
            ("NetworkMode", #""host""#), ("NetworkMode", #""Host""#),
            ("NetworkMode", #""container:x""#), ("NetworkMode", #""ns:/proc/1/ns/net""#),
            ("NetworkMode", #""slirp4netns:allow_host_loopback=true""#),
            ("Links", #"["database"]"#), ("PublishAllPorts", "true"),
            ("PortBindings", #"{"22/tcp":[{"HostPort":"22"}]}"#),
        ].map { .host($0.0, $0.1, "allowHostNetwork") }
        + [
            ("PidMode", #""host""#), ("PidMode", #""container:x""#), ("IpcMode", #""host""#),
            ("IpcMode", #""container:x""#), ("UTSMode", #""host""#), ("UsernsMode", #""host""#),
            ("UsernsMode", #""keep-id""#), ("CgroupnsMode", #""host""#),
        ].map { .host($0.0, $0.1, "allowHostNamespaces") }
        + [
            ("Binds", #"["/:/host"]"#), ("Binds", #""/var/run/docker.sock:/s""#),
            ("Binds", #"["~/x:/host"]"#), ("Binds", #"["../x:/host"]"#), ("Binds", #"[":/x"]"#),
            ("Binds", #"["home/x:/x"]"#), ("Binds", #"["home:/home","/etc:/e:ro"]"#),
            ("Mounts", #"[{"Type":"bind","Source":"/","Target":"/x"}]"#),
            ("Mounts", #"[{"TYPE":"Bind","sOURCE":"/","Target":"/x"}]"#),
            ("Mounts", #"[{"Source":"/var/run/docker.sock","Target":"/x"}]"#),
            ("Mounts", #"[{"Type":"volume","Source":"/etc","Target":"/x"}]"#),
            ("Mounts", #"[{"Type":"volume","Source":"v","Target":"/x,type=bind"}]"#),
            (
                "Mounts",
                #"[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"device":"/"}}}}]"#
            ),
            (
                "Mounts",
                #"[{"Type":"volume","volumeoption\u017f":{"driverconfig":{"name":"nfs"}}}]"#
            ),
            ("Mounts", #"[{"Type":"npipe","Source":"x"}]"#), ("Mounts", #"[{"Type":"image"}]"#),
            ("VolumesFrom", #"["database"]"#), ("VolumeDriver", #""nfs""#),
            ("ContainerIDFile", #""/etc/passwd""#),
        ].map { .host($0.0, $0.1, "allowHostMounts") }

    private static let unlimited: [Case] = [
        ("Memory", "0"), ("Memory", "-1"), ("Memory", #""1g""#), ("PidsLimit", "0"),
        ("PidsLimit", "-1"), ("MemorySwap", "-1"), ("MemorySwap", #""-1""#),
    ].map { .host($0.0, $0.1, "allowUnlimited") }

    private static let others: [Case] = [
        Case(
            #"{"network":{"EndpointsConfig":{"host":{}}}}"#,
            "network.endpointsconfig.host",
            "allowHostNetwork"
        ),
        Case(
            #"{"network":{"EndpointsConfig":{"n":{"Links":["db"]}}}}"#,
            "network.endpointsconfig.n.links",
            "allowHostNetwork"
        ),
        Case(#"{"host":{"bind\u017f":["/:/host"]}}"#, "host.binds", "allowHostMounts"),
    ]

    private static let cases = privileged + places + unlimited + others

    private func problems(_ reply: ConfigTree, over file: String = "") throws -> [String] {
        let config = try load(file).config
        do {
            _ = try config.applying(reply: reply)
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    private func reply(_ execution: ConfigTree) -> ConfigTree {
        ["docker": ["execution": execution]]
    }

    /// As ContainerSSH's files spell it: lower case, limits on resources apart.
    private func fileSpelling(_ tree: ConfigTree) -> ConfigTree {
        switch tree {
        case .list(let items): return .list(items.map(fileSpelling))
        case .map(let members):
            var result: [String: ConfigTree] = [:]
            for (key, value) in members { result[key.lowercased()] = fileSpelling(value) }
            if let host = result["host"] { result["host"] = ["resources": host] }
            return .map(result)
        case .null, .bool, .integer, .double, .string: return tree
        }
    }

    @Test("a dangerous setting is refused in the spelling of the API", arguments: cases)
    func refusedAPI(_ sample: Case) throws {
        let found = try problems(try reply(json(sample.execution)))
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("docker.execution." + sample.path + ":") == true, "\(found)")
        #expect(found.first?.contains("floor." + sample.key) == true, "\(found)")
    }

    @Test("a dangerous setting is refused in the spelling of files", arguments: cases)
    func refusedFile(_ sample: Case) throws {
        let found = try problems(try reply(fileSpelling(json(sample.execution))))
        #expect(found.first?.hasPrefix("docker.execution." + sample.path + ":") == true, "\(found)")
    }

    @Test("the floor's key permits it, and so does the file that has it itself", arguments: cases)
    func permitted(_ sample: Case) throws {
        let setting = try reply(json(sample.execution))
        #expect(try problems(setting, over: "floor: {\(sample.key): true}") == [])
        var file = try json(#"{"docker":{"execution":{"container":{"image":"x"}}}}"#)
        file.set(try json(sample.execution), at: ["docker", "execution"])
        file.set(["image": "x"], at: ["docker", "execution", "container"])
        #expect(try problems(["security": ["maxSessions": 3]], over: file.json) == [])
    }

    @Test(
        "what a container may have needs no permission",
        arguments: [
            #"{"CapAdd":["CHOWN","cap_kill"],"CapDrop":["ALL"]}"#,
            #"{"CapDrop":["ALL","NET_RAW"],"SecurityOpt":["no-new-privileges:true"]}"#,
            #"{"Memory":2147483648,"PidsLimit":4096,"MemorySwap":4294967296,"OomScoreAdj":500}"#,
            #"{"NetworkMode":"team-net","Dns":["192.0.2.1"],"IpcMode":"private"}"#,
            #"{"Binds":["home-1:/home:ro"],"Mounts":[{"Type":"volume","Source":"v.1","Target":"/v"}]}"#,
            #"{"Ulimits":[{"Name":"nofile","Soft":1024,"Hard":65536}],"Tmpfs":{"/tmp":"size=64m"}}"#,
            #"{"LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"ReadonlyRootfs":true}"#,
            #"{"RestartPolicy":{"Name":"no"},"CpuShares":512,"NanoCpus":500000000,"Unknown":1}"#,
        ]
    )
    func harmless(_ host: String) throws {
        #expect(try problems(reply(["host": try json(host)])) == [])
    }

    @Test("capabilities that the floor lists need no permission, and the rest still does")
    func listedCapabilities() throws {
        let floor = "floor: {capabilities: [cap_net_raw]}"
        let listed = reply(["host": ["CapAdd": ["NET_RAW", "CHOWN"]]])
        #expect(try problems(listed, over: floor) == [])
        let other = reply(["host": ["CapAdd": ["NET_ADMIN"]]])
        #expect(try problems(other, over: floor).count == 1)
    }

    @Test(
        "members of another object are refused inside container",
        arguments: ["HostConfig", "hostconfig", "NetworkingConfig", "MemorySwap", "Privileged"]
    )
    func misplaced(_ key: String) throws {
        let found = try problems(reply(["container": .map([key: ["Privileged": true]])]))
        let path = "docker.execution.container.\(key.lowercased()):"
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(path) == true)
    }

    @Test("another engine would get our credentials: it needs a permission")
    func connection() throws {
        let engine: ConfigTree = ["docker": ["connection": ["host": "tcp://192.0.2.1:1"]]]
        let found = try problems(engine)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("docker.connection.host:") == true)
        #expect(try problems(engine, over: "floor: {allowConnection: true}") == [])
        let cluster: ConfigTree = ["kubernetes": ["connection": ["host": "192.0.2.1"]]]
        #expect(try problems(cluster).first?.hasPrefix("kubernetes.connection:") == true)
    }

    @Test("a container that exists may be anybody's: the mode persistent needs a permission")
    func modes() throws {
        let persistent = reply(["mode": "persistent", "containername": "database"])
        #expect(try problems(persistent).first?.hasPrefix("docker.execution.mode:") == true)
        #expect(try problems(reply(["mode": "session"])) == [])
        #expect(try problems(reply(["mode": "session"]), over: "floor: {modes: []}").count == 1)
        let file = "docker: {execution: {mode: persistent, containername: a}}"
        let named = try problems(reply(["containername": "b"]), over: file)
        #expect(named.first?.hasPrefix("docker.execution.containername:") == true)
        let open = file + "\nfloor: {modes: [persistent]}"
        #expect(try problems(persistent, over: open) == [])
    }

    @Test("the floor's maxima count what the engine would make of the settings")
    func maxima() throws {
        let file = """
            floor: {maxMemory: 1000, maxPids: 2000, maxCPUs: 1.5}
            docker: {execution: {host: {memory: 10, nanocpus: 1}}}
            """
        func crossed(_ host: ConfigTree) throws -> Int {
            try problems(reply(["host": host]), over: file).count
        }
        #expect(try crossed(["Memory": 1000, "MemorySwap": 2000, "NanoCpus": 1_500_000_000]) == 0)
        #expect(try crossed(["Memory": 1001]) == 1)
        #expect(try crossed(["Memory": .null]) == 1)
        #expect(try crossed(["MemorySwap": 2001]) == 1)
        #expect(try crossed(["PidsLimit": 2001]) == 1)
        #expect(try crossed(["NanoCpus": .null]) == 1)
    }
}
