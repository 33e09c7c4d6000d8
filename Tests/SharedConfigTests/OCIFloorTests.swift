import SharedConfig
import Testing

@Suite("What the floor lets a reply do to a container without a daemon")
struct OCIFloorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var section: String
        /// Where the problem is found.
        var path: String
        /// What permits it, as a list of keys of the floor.
        var keys: [String]
        var testDescription: String { section }

        init(_ section: String, _ path: String, _ keys: String...) {
            self.section = section
            self.path = path
            self.keys = keys
        }

        static func spec(_ spec: String, _ path: String, _ keys: String...) -> Case {
            var sample = Case(#"{"spec":\#(spec)}"#, "spec.\(path)")
            sample.keys = keys
            return sample
        }
    }

    static let dangerous: [Case] = [
        Case(#"{"network":"host"}"#, "network", "allowHostNetwork"),
        Case(#"{"capabilities":["CAP_SYS_ADMIN"]}"#, "capabilities", "allowPrivileged"),
        Case(#"{"mounts":[{"source":"/","target":"/host"}]}"#, "mounts", "allowHostMounts"),
        Case(#"{"memory":0}"#, "memory", "allowUnlimited"),
        Case(#"{"pids":0}"#, "pids", "allowUnlimited"),
        .spec(#"{"hooks":{"prestart":[{"path":"/bin/sh"}]}}"#, "hooks", "allowPrivileged"),
        .spec(#"{"process":{"noNewPrivileges":false}}"#, "process", "allowPrivileged"),
        .spec(
            #"{"process":{"capabilities":{"effective":["CAP_BPF"]}}}"#,
            "process",
            "allowPrivileged"
        ),
        .spec(#"{"process":{"oomScoreAdj":-1000}}"#, "process", "allowPrivileged"),
        .spec(#"{"annotations":{"run.oci.handler":"x"}}"#, "annotations", "allowPrivileged"),
        .spec(#"{"linux":{"seccomp":{}}}"#, "linux.seccomp", "allowPrivileged"),
        .spec(#"{"linux":{"devices":[{"path":"/dev/vda"}]}}"#, "linux.devices", "allowPrivileged"),
        .spec(#"{"linux":{"maskedPaths":[]}}"#, "linux.maskedPaths", "allowPrivileged"),
        .spec(#"{"linux":{"sysctl":{"kernel.x":"1"}}}"#, "linux.sysctl", "allowPrivileged"),
        .spec(#"{"linux":{"resources":{"devices":[]}}}"#, "linux.resources", "allowPrivileged"),
        .spec(
            #"{"linux":{"rootfsPropagation":"shared"}}"#,
            "linux.rootfsPropagation",
            "allowPrivileged"
        ),
        .spec(#"{"vm":{}}"#, "vm", "allowPrivileged"),
        .spec(
            #"{"linux":{"namespaces":[{"type":"mount"}]}}"#,
            "linux.namespaces",
            "allowHostNamespaces",
            "allowHostNetwork"
        ),
        .spec(
            #"{"linux":{"uidMappings":[{"hostID":0}]}}"#,
            "linux.uidMappings",
            "allowHostNamespaces"
        ),
        .spec(
            #"{"mounts":[{"destination":"/h","type":"bind","source":"/"}]}"#,
            "mounts",
            "allowHostMounts"
        ),
        .spec(
            #"{"mounts":[{"destination":"/h","type":"tmpfs","source":"/","options":["bind"]}]}"#,
            "mounts",
            "allowHostMounts"
        ),
        .spec(
            #"{"mounts":[{"destination":"/h","type":"none","source":"/","options":["rbind"]}]}"#,
            "mounts",
            "allowHostMounts"
        ),
        .spec(#"{"mounts":[{"destination":"/h","type":"proc"}]}"#, "mounts", "allowHostMounts"),
    ]

    private func problems(_ section: ConfigTree, floor: String = "{}") throws -> [String] {
        let file = #"{"backend":"oci","oci":{"image":"x"},"floor":\#(floor)}"#
        let config = try load(file).config
        do {
            _ = try config.applying(reply: ["oci": section])
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    @Test("a dangerous setting is refused, and says what would permit it", arguments: dangerous)
    func refused(_ sample: Case) throws {
        let found = try problems(json(sample.section))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("oci." + sample.path + ":") == true, "\(found)")
        for key in sample.keys { #expect(found.first?.contains("floor." + key) == true) }
    }

    @Test("the floor's keys permit it", arguments: dangerous)
    func permitted(_ sample: Case) throws {
        let floor = sample.keys.map { "\"\($0)\":true" }.joined(separator: ",")
        #expect(try problems(json(sample.section), floor: "{\(floor)}") == [])
    }

    @Test(
        "what is harmless needs no permission",
        arguments: [
            #"{"image":"other","memory":100000000,"disk":{"size":1048576,"temporary":1048576}}"#,
            #"{"capabilities":[]}"#, #"{"user":"guest","spec":{"hostname":"mine"}}"#,
            #"{"spec":{"mounts":[{"destination":"/c","type":"tmpfs","options":["size=1m","noexec"]}]}}"#,
        ]
    )
    func harmless(_ section: String) throws {
        #expect(try problems(json(section)) == [])
    }

    @Test(
        "the program, and where things are kept, are the static file's alone",
        arguments: ["runtime", "agentPath", "imageDirectory", "stateDirectory"]
    )
    func fixed(_ key: String) throws {
        let found = try problems([key: "/tmp/x"], floor: #"{"allowPrivileged":true}"#)
        #expect(found.first?.hasPrefix("oci.\(key):") == true, "\(found)")
    }

    @Test("limits of the floor hold")
    func limited() throws {
        let floor = #"{"maxMemory":1000000000,"maxPids":10,"maxCPUs":1}"#
        let found = try problems(
            ["memory": 2_000_000_000, "pids": 11, "cpus": 2],
            floor: floor
        )
        #expect(found.count == 3, "\(found)")
    }

    @Test(
        "keys that are the backend's own cannot be set at all",
        arguments: [
            #"{"root":{"path":"/"}}"#, #"{"process":{"args":["/bin/sh"]}}"#,
            #"{"process":{"user":{"uid":0}}}"#, #"{"linux":{"cgroupsPath":"/"}}"#,
        ]
    )
    func own(_ spec: String) throws {
        let floor = #"{"allowPrivileged":true}"#
        let found = try problems(["spec": json(spec)], floor: floor)
        #expect(found.first?.contains("is set by the backend") == true, "\(found)")
    }

    @Test("what is written has to fit into the memory")
    func checksDisk() throws {
        let found = try problems(["memory": 100_000_000])
        #expect(found.first?.contains("disk.size") == true, "\(found)")
    }
}
