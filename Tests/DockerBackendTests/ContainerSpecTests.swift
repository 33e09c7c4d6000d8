import GatewayCore
import SharedConfig
import SharedDocker
import SharedModels
import Testing

@testable import DockerBackend

@Suite("What a container is made of")
struct ContainerSpecTests {
    private static func spec(
        carried: ConnectionMetadata = ConnectionMetadata(),
        _ change: (inout DockerExecutionConfig) -> Void = { _ in }
    ) -> ContainerSpec {
        var execution = DockerExecutionConfig()
        change(&execution)
        var request = DockerFixture.request("00ff")
        request.carried = carried
        let lease = ContainerLease(instance: "me", time: .seconds(180))
        return ContainerSpec(execution, request, lease)
    }

    @Test("hardening holds without a word in the configuration")
    func hardened() {
        let host = Self.spec().body["HostConfig"]
        #expect(host?["CapDrop"] == ["ALL"])
        #expect(host?["CapAdd"] == .strings(DockerHardening.capabilities))
        #expect(host?["SecurityOpt"] == ["no-new-privileges"])
        #expect(host?["PidsLimit"] == 1024)
        #expect(host?["Memory"] == .integer(1 << 30))
        #expect(host?["Init"] == true)
        #expect(host?["AutoRemove"] == true)
        #expect(host?["LogConfig"] == ["Type": "none"])
        let set = [
            "CapDrop", "CapAdd", "SecurityOpt", "PidsLimit", "Memory", "Init", "AutoRemove",
            "LogConfig",
        ]
        // No host mount, no namespace of the host, no device, not privileged.
        #expect(Set(host?.members.keys.map { $0 } ?? []) == Set(set))
    }

    @Test("what the API has nowhere, or elsewhere, does not reach the engine")
    func unknown() {
        let body = Self.spec {
            $0.container = [
                "image": "a", "hostconfig": ["privileged": true], "memoryswap": -1,
                "networkingconfig": ["endpointsconfig": ["host": [:]]], "future": 1,
            ]
            $0.host = ["future": 1, "capabilities": ["CAP_SYS_ADMIN"], "bind\u{17F}": ["/:/x"]]
            $0.network = ["future": 1, "endpointsconfig": ["net": [:]]]
        }.body
        let expected = [
            "AttachStderr", "AttachStdin", "AttachStdout", "Cmd", "Entrypoint", "Env",
            "HostConfig", "Image", "Labels", "NetworkingConfig", "OpenStdin", "StdinOnce", "Tty",
        ]
        #expect(body.members.keys.sorted() == expected)
        #expect(body["HostConfig"] == Self.spec().body["HostConfig"])
        #expect(body["NetworkingConfig"] == ["EndpointsConfig": ["net": [:]]])
    }

    @Test("what the configuration says stays")
    func configured() {
        let host = Self.spec {
            $0.host = [
                "capadd": ["NET_RAW"], "securityopt": ["no-new-privileges:false", "label=x"],
                "pidslimit": 7, "memory": .null, "init": false,
                "restartpolicy": ["name": "always"],
                "binds": ["/a:/b"],
            ]
        }.body["HostConfig"]
        #expect(host?["CapAdd"] == .strings(DockerHardening.capabilities + ["NET_RAW"]))
        #expect(host?["SecurityOpt"] == ["no-new-privileges:false", "label=x"])
        #expect(host?["PidsLimit"] == 7)
        #expect(host?["Memory"] == .null)
        #expect(host?["Init"] == false)
        #expect(host?["AutoRemove"] == nil)
        #expect(host?["Binds"] == ["/a:/b"])
    }

    @Test("stated capabilities to drop replace ours")
    func dropped() {
        let host = Self.spec { $0.host = ["capdrop": ["MKNOD"]] }.body["HostConfig"]
        #expect(host?["CapDrop"] == ["MKNOD"])
        #expect(host?["CapAdd"] == nil)
    }

    @Test("fields get the names of the API, chosen names stay")
    func names() {
        let spec = Self.spec {
            $0.container = [
                "image": "a", "workingdir": "/w", "labels": ["My.Label": "x"],
                "healthcheck": ["startperiod": 5], "exposedports": ["80/tcp": [:]],
            ]
            $0.host = [
                "portbindings": ["80/tcp": [["hostip": "127.0.0.1", "hostport": "8080"]]],
                "mounts": [["type": "tmpfs", "tmpfsoptions": ["sizebytes": 9]]],
                "utsmode": "host", "blkiodevicereadiops": [], "future": 1,
            ]
            $0.network = [
                "endpointsconfig": ["Net": ["ipamconfig": ["ipv4address": "10.0.0.9"]]]
            ]
        }
        let body = spec.body
        #expect(body["WorkingDir"] == "/w")
        #expect(body["Labels"]?["My.Label"] == "x")
        #expect(body["Healthcheck"]?["StartPeriod"] == 5)
        #expect(body["ExposedPorts"]?["80/tcp"] == .map([:]))
        let host = body["HostConfig"]
        #expect(
            host?["PortBindings"]?["80/tcp"] == [["HostIp": "127.0.0.1", "HostPort": "8080"]]
        )
        #expect(host?["Mounts"] == [["Type": "tmpfs", "TmpfsOptions": ["SizeBytes": 9]]])
        #expect(host?["UTSMode"] == "host")
        #expect(host?["BlkioDeviceReadIOps"] == .list([]))
        let endpoint = body["NetworkingConfig"]?["EndpointsConfig"]?["Net"]
        #expect(endpoint?["IPAMConfig"]?["IPv4Address"] == "10.0.0.9")
    }

    @Test("labels name the connection and its owner, over equal ones of the configuration")
    func labels() {
        let labels = Self.spec {
            $0.container = ["image": "a", "labels": ["containerssh_ip": "no", "mine": "yes"]]
        }.body["Labels"]
        #expect(labels?["containerssh_connection_id"] == "00ff")
        #expect(labels?["containerssh_ip"] == "192.0.2.7")
        #expect(labels?["containerssh_username"] == "tester")
        #expect(labels?["berth.instance"] == "me")
        #expect(labels?["berth.lease"] == "180")
        #expect(labels?["mine"] == "yes")
    }

    @Test("the environment is the container's, then the webhooks'")
    func environment() {
        var carried = ConnectionMetadata()
        carried.environment = ["B": MetadataValue("2"), "bad=name": MetadataValue("x")]
        carried.metadata = ["M": MetadataValue("3"), "B": MetadataValue("not this")]
        let hidden = Self.spec(carried: carried) { $0.container = ["image": "a", "env": ["A=1"]] }
        #expect(hidden.body["Env"] == ["A=1", "B=2"])
        let exposed = Self.spec(carried: carried) { $0.exposeAuthMetadataAsEnv = true }
        #expect(exposed.body["Env"] == ["B=2", "M=3"])
    }

    @Test("the guest agent's idle command is replaced, another one is kept")
    func idle() {
        let standard = Self.spec().body["Cmd"].strings
        #expect(standard.count == 4 && standard[0] == "/bin/sh")
        let own = Self.spec { $0.idleCommand = ["/sbin/thing", "-x"] }.body["Cmd"].strings
        #expect(own.suffix(2) == ["/sbin/thing", "-x"])
    }

    @Test("a platform is one word for the engine")
    func platform() {
        #expect(Self.spec().platform == "")
        let full = Self.spec {
            $0.platform = ["os": "linux", "architecture": "arm64", "variant": "v8"]
        }
        #expect(full.platform == "linux/arm64/v8")
        #expect(Self.spec { $0.platform = ["architecture": "arm64"] }.platform == "linux/arm64")
    }

    @Test("a lease is over when a container does not run and is older than it")
    func lease() {
        let labels = ContainerLease(instance: "x", time: .seconds(60)).labels(connectionID: "c")
        func isOver(_ state: String, _ age: Duration) -> Bool {
            ContainerLease.isOver(state: state, age: age, labels: labels)
        }
        #expect(isOver("created", .seconds(61)))
        #expect(isOver("exited", .seconds(61)))
        #expect(!isOver("created", .seconds(59)))
        #expect(!isOver("running", .seconds(10_000)))
        #expect(!ContainerLease.isOver(state: "exited", age: .seconds(10_000), labels: [:]))
    }
}

@Suite("The line with a program's process id")
struct ProcessLineTests {
    @Test("is read in any pieces, with what follows kept", arguments: ["\n", "\r\n"])
    func pieces(_ end: String) {
        var line = ProcessLine()
        var answer = ProcessLine.Answer.unfinished
        for byte in "berth-process 42\(end)".utf8 {
            #expect(answer == .unfinished)
            answer = line.take([byte])
        }
        #expect(answer == .process(42, rest: []))
        var whole = ProcessLine()
        #expect(whole.take("berth-process 7\nabc".utf8) == .process(7, rest: Array("abc".utf8)))
    }

    @Test(
        "anything else is foreign",
        arguments: ["OCI runtime exec failed\n", "berth-process x\n", "berth-process -1\n", "\n"]
    )
    func foreign(_ text: String) {
        var line = ProcessLine()
        guard case .foreign = line.take(text.utf8) else {
            Issue.record("taken for a process id")
            return
        }
    }

    @Test("a line without end is foreign at some point")
    func endless() {
        var line = ProcessLine()
        guard case .foreign = line.take([UInt8](repeating: 0x61, count: 10_000)) else {
            Issue.record("still waiting")
            return
        }
    }
}
