import SharedConfig
import SharedMessages
import Testing

@Suite("A person's configuration")
struct UserConfigTests {
    private func apply(_ reply: String, over file: String = "") throws -> UserConfig {
        try load(file).config.applying(reply: json(reply))
    }

    private func problems(_ reply: String, over file: String = "") throws -> [String] {
        do {
            _ = try apply(reply, over: file)
            return []
        } catch let error as ConfigProblems {
            return error.list.map(\.description)
        }
    }

    @Test("the webhook reference's docker reply is applied")
    func dockerSample() throws {
        let user = try apply(
            """
            {"backend":"docker",
             "docker":{"execution":{"container":{"Image":"registry.example/dev:1","User":"1000","Env":["ROLE=dev"]},
                                     "host":{"Binds":["/srv/alice:/home/alice"],"Memory":268435456,"PidsLimit":200},
                                     "shellCommand":["/bin/zsh"]},
                       "timeouts":{"containerStart":"90s"}},
             "security":{"defaultMode":"disable","shell":{"mode":"enable"},"tty":{"mode":"enable"},"maxSessions":4},
             "log":{"level":"debug"}}
            """,
            over: "floor: {allowHostMounts: true}"
        )
        #expect(user.docker.execution.container["image"] == "registry.example/dev:1")
        #expect(user.docker.execution.host["memory"] == 268_435_456)
        #expect(user.docker.execution.shellCommand == ["/bin/zsh"])
        #expect(user.docker.timeouts.containerStart == .seconds(90))
        #expect(user.security.defaultMode == .disable)
        #expect(user.security.shell.mode == .enable)
        #expect(user.security.maxSessions == 4)
        #expect(user.log.level == .debug)
    }

    @Test("the webhook reference's kubernetes and sshproxy replies are applied")
    func otherSamples() throws {
        let kubernetes = try apply(
            """
            {"backend":"kubernetes","kubernetes":{"pod":{"mode":"persistent","metadata":{"name":"alice-box","namespace":"users"}},"timeouts":{"podStart":30000000000}}}
            """,
            over: "floor: {modes: [persistent]}"
        ).kubernetes
        #expect(kubernetes.pod.metadata["name"] == "alice-box")
        #expect(kubernetes.timeouts.podStart == .seconds(30))
        let proxy = try apply(
            """
            {"backend":"sshproxy","sshproxy":{"server":"10.0.0.5","username":"svc","privateKey":"/etc/containerssh/proxy.key","allowedHostKeyFingerprints":["SHA256:EXAMPLE"],"timeout":20000000000}}
            """
        ).sshproxy
        #expect(proxy.timeout == .seconds(20))
        #expect(proxy.privateKey.file == "/etc/containerssh/proxy.key")
    }

    @Test("false, zero and empty lists override, null goes back to the default")
    func emptyValues() throws {
        let file = """
            docker: {execution: {disableAgent: true, subsystems: {a: /b}, mode: session, shellCommand: [/bin/zsh]}}
            security: {maxSessions: 5, env: {allow: [X]}}
            """
        let user = try apply(
            """
            {"docker":{"execution":{"disableAgent":false,"subsystems":{},"shellCommand":null}},
             "security":{"maxSessions":0,"env":{"allow":[]}}}
            """,
            over: file
        )
        #expect(!user.docker.execution.disableAgent)
        #expect(user.docker.execution.subsystems == ["a": "/b"])
        #expect(user.docker.execution.shellCommand == ["/bin/bash"])
        #expect(user.security.maxSessions == 0)
        #expect(user.security.env.allow == [])
    }

    @Test("an empty reply, and none, leave the static configuration")
    func empty() throws {
        let config = try load("docker: {execution: {container: {image: 'x'}}}").config
        #expect(try config.applying(reply: [:]).docker == config.docker)
        #expect(try config.applying(reply: .null).security == config.security)
    }

    @Test("a reply in the engine's spelling overrides a file in YAML's")
    func spelling() throws {
        let file = """
            docker:
              execution:
                container: {image: a, workingdir: /w, labels: {Team: red}}
                host: {resources: {memory: 100, cpushares: 2}}
            """
        let execution = try apply(
            """
            {"docker":{"execution":{"container":{"Image":"b","Labels":{"team":"blue"}},"host":{"Memory":50}}}}
            """,
            over: file
        ).docker.execution
        #expect(
            execution.container
                == ["image": "b", "workingdir": "/w", "labels": ["Team": "red", "team": "blue"]]
        )
        #expect(execution.host == ["memory": 50, "cpushares": 2])
    }

    @Test("of the recording its delivery can differ, and nothing else")
    func audit() throws {
        let file = "audit: {enable: false, delivery: besteffort}"
        #expect(try apply("{}", over: file).audit.delivery == .besteffort)
        let user = try apply(#"{"audit":{"delivery":"strict","enable":true}}"#, over: file)
        #expect(user.audit.delivery == .strict)
        #expect(user.ignoredKeys == ["audit.enable"])
        #expect(try problems(#"{"audit":{"deliverie":"strict"}}"#).count == 1)
    }

    @Test("sections of the daemon are ignored and named, unknown keys are problems")
    func ignored() throws {
        let user = try apply(#"{"ssh":{"listen":1},"log":{"level":7,"format":"x"}}"#)
        #expect(user.ignoredKeys == ["ssh", "log.format"])
        let found = try problems(
            #"{"dokcer":{},"security":{"shel":{}},"log":{"levl":1},"docker":{"timeouts":{"http":"x"}}}"#
        )
        #expect(found.count == 4)
    }

    @Test("a reply that is no map is a problem")
    func noMap() throws {
        #expect(try problems("[]").count == 1)
    }

    @Test("the rules of the chosen backend are checked once the reply is applied")
    func rules() throws {
        let file = "backend: sshproxy\nconfigserver: {url: 'http://127.0.0.1'}"
        #expect(try problems("{}", over: file).count == 3)
        #expect(try problems(#"{"docker":{"execution":{"container":{"image":""}}}}"#).count == 1)
    }

    @Test(
        "a reply cannot cross the floor",
        arguments: [
            (#"{"docker":{"execution":{"host":{"Privileged":true}}}}"#, "privileged"),
            (#"{"docker":{"execution":{"host":{"CapAdd":"SYS_ADMIN"}}}}"#, "capadd"),
            (
                #"{"docker":{"execution":{"host":{"SecurityOpt":["seccomp=unconfined"]}}}}"#,
                "securityopt"
            ),
            (
                #"{"docker":{"execution":{"host":{"resources":{"Devices":[{"PathOnHost":"/dev/sda"}]}}}}}"#,
                "devices"
            ),
            (#"{"docker":{"execution":{"host":{"NetworkMode":"host"}}}}"#, "networkmode"),
            (#"{"docker":{"execution":{"host":{"PidMode":"container:x"}}}}"#, "pidmode"),
            (#"{"docker":{"execution":{"host":{"Binds":["/:/host"]}}}}"#, "binds"),
            (#"{"docker":{"execution":{"host":{"binds":["~/x:/host"]}}}}"#, "binds"),
            (
                #"{"docker":{"execution":{"host":{"Mounts":[{"Type":"bind","Source":"/","Target":"/x"}]}}}}"#,
                "mounts"
            ),
            (
                #"{"docker":{"execution":{"host":{"Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"device":"/"}}}}]}}}}"#,
                "mounts"
            ),
            (#"{"docker":{"execution":{"host":{"VolumesFrom":["x"]}}}}"#, "volumesfrom"),
            (
                #"{"backend":"kubernetes","kubernetes":{"pod":{"spec":{"hostNetwork":true}}}}"#,
                "hostNetwork"
            ),
            (
                #"{"backend":"kubernetes","kubernetes":{"pod":{"spec":{"volumes":[{"hostPath":{"path":"/"}}]}}}}"#,
                "hostPath"
            ),
            (
                #"{"backend":"kubernetes","kubernetes":{"pod":{"spec":{"containers":[{"image":"x","securityContext":{"privileged":true}}]}}}}"#,
                "privileged"
            ),
            (#"{"backend":"sandbox","sandbox":{"network":"host"}}"#, "sandbox.network"),
            (#"{"backend":"sandbox","sandbox":{"user":"root"}}"#, "sandbox.user"),
            (
                #"{"backend":"sandbox","sandbox":{"mounts":[{"source":"/","target":"/x"}]}}"#,
                "sandbox.mounts"
            ),
            (#"{"backend":"sandbox","sandbox":{"root":"/srv"}}"#, "sandbox.root"),
            (#"{"sandbox":{"bubblewrap":"/bin/sh"}}"#, "sandbox.bubblewrap"),
            (#"{"sandbox":{"stateDirectory":"/etc"}}"#, "sandbox.stateDirectory"),
            (#"{"sandbox":{"initPath":"/etc/shadow"}}"#, "sandbox.initPath"),
        ]
    )
    func floor(reply: String, path: String) throws {
        let found = try problems(reply, over: "sandbox: {user: nobody}")
        #expect(found.count == 1)
        #expect(found.first?.contains(path) == true)
    }

    @Test(
        "limits of the floor hold for what a reply changes",
        arguments: [
            (#"{"docker":{"execution":{"host":{"Memory":200}}}}"#, 1),
            (#"{"docker":{"execution":{"host":{"Memory":0}}}}"#, 1),
            (#"{"docker":{"execution":{"host":{"Memory":"200"}}}}"#, 1),
            (#"{"docker":{"execution":{"host":{"Memory":100,"PidsLimit":10}}}}"#, 0),
            (#"{"docker":{"execution":{"host":{"PidsLimit":-1}}}}"#, 1),
            (#"{"backend":"sandbox"}"#, 1),
            (#"{"docker":{"connection":{"host":"tcp://evil:1"}}}"#, 1),
            ("{}", 0),
        ]
    )
    func limits(reply: String, count: Int) throws {
        let file = """
            docker: {execution: {host: {memory: 50, pidslimit: 5}}}
            floor: {backends: [docker], maxMemory: 100, maxPids: 10, allowConnection: false}
            """
        #expect(try problems(reply, over: file).count == count)
    }

    @Test("a reply chooses the target, but no agent of the gateway's machine")
    func target() throws {
        let file = "sshproxy: {username: a, allowedHostKeyFingerprints: [SHA256:x]}"
        let reply = #"{"backend":"sshproxy","sshproxy":{"server":"b","passphrase":"p"}}"#
        #expect(try problems(reply, over: file) == [])
        let agent = #"{"sshproxy":{"server":"b","agentSocket":"/run/agent"}}"#
        #expect(try problems(agent, over: file).first?.hasPrefix("sshproxy.agentSocket") == true)
        let floored = file + "\nfloor: {allowTarget: false}"
        #expect(try problems(reply, over: floored).count == 1)
    }

    @Test("what the static file allows itself stays allowed")
    func staticCrossing() throws {
        let file = "docker: {execution: {host: {privileged: true, binds: ['/a:/a']}}}"
        #expect(try problems(#"{"security":{"maxSessions":1}}"#, over: file) == [])
        let more = #"{"docker":{"execution":{"host":{"Binds":["/a:/a","/b:/b"]}}}}"#
        #expect(try problems(more, over: file).count == 1)
    }

    @Test("volumes by name and no-new-privileges need no permission")
    func harmless() throws {
        let reply = """
            {"docker":{"execution":{"host":{"Binds":["home:/home"],"SecurityOpt":["no-new-privileges"],
             "Mounts":[{"Type":"tmpfs","Target":"/t"},{"Type":"volume","Source":"v","Target":"/v"}],
             "Privileged":false,"CapAdd":[],"NetworkMode":"bridge"}}}}
            """
        #expect(try problems(reply) == [])
    }
}
