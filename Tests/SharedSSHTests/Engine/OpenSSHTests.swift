import SSHTestServer
import SharedSSH
import Testing

/// The engine with the client everyone has.
@Suite("The engine with OpenSSH's client", .enabled(if: hasTool("ssh"), "needs ssh"))
struct OpenSSHTests {
    @Test("a command's streams and status arrive")
    func exec() async throws {
        try await OpenSSHClient.with { client in
            let ended = try await client.run("$SSH both 2>$DIR/err; echo $?; cat $DIR/err")
            #expect(ended.output == "to stdout\n3\nto stderr\n")
        }
    }

    @Test("a signal becomes status 255, an unknown command 127, a refused one says so")
    func ends() async throws {
        try await OpenSSHClient.with { client in
            let ended = try await client.run(
                "$SSH signal; echo $?; $SSH nonsense; echo $?; $SSH refused; echo $?"
            )
            #expect(ended.output == "255\n127\nexec request failed on channel 0\n255\n")
        }
    }

    @Test("a hundred megabytes arrive whole, in both directions")
    func bulk() async throws {
        try await OpenSSHClient.with { client in
            let ended = try await client.run(
                """
                head -c 100000000 /dev/urandom > $DIR/data
                want=$(sha256sum < $DIR/data | cut -d' ' -f1)
                test "$($SSH sink < $DIR/data)" = "100000000 $want" && echo up
                zero=$(head -c 100000000 /dev/zero | sha256sum)
                test "$($SSH 'zeros 100000000' | sha256sum)" = "$zero" && echo down
                test "$($SSH cat < $DIR/data | sha256sum | cut -d' ' -f1)" = "$want" && echo both
                """
            )
            #expect(ended.output == "up\ndown\nboth\n")
        }
    }

    @Test("keys are exchanged every megabyte, and nothing is lost")
    func rekey() async throws {
        try await OpenSSHClient.with { client in
            let ended = try await client.run(
                """
                head -c 20000000 /dev/urandom > $DIR/data
                want=$(sha256sum < $DIR/data | cut -d' ' -f1)
                got=$($SSH -v -o RekeyLimit=1M cat < $DIR/data 2>$DIR/log \
                    | sha256sum | cut -d' ' -f1)
                test $got = $want && echo same
                grep -c 'SSH2_MSG_NEWKEYS sent' $DIR/log
                """
            )
            let lines = ended.output.split(separator: "\n")
            #expect(lines.first == "same")
            #expect((lines.last.flatMap { Int($0) } ?? 0) > 10)
        }
    }

    @Test("many commands share one connection")
    func controlMaster() async throws {
        try await OpenSSHClient.with { client in
            let ended = try await client.run(
                """
                SSH="$SSH -o ControlPath=$DIR/master"
                $SSH -M -N -f -o ControlPersist=no > /dev/null 2>&1
                for number in $(seq 1 40); do $SSH "exit $number" & pids="$pids $!"; done
                sum=0
                for pid in $pids; do wait $pid; sum=$((sum + $?)); done
                echo $sum
                $SSH -O exit 2> /dev/null
                """
            )
            #expect(ended.output == "820\n")
            let connections = client.server.journal.entries.filter { entry in
                if case .connected = entry { true } else { false }
            }
            #expect(connections.count == 1)
        }
    }

    @Test("a program that answers only after EOF answers")
    func halfClose() async throws {
        try await OpenSSHClient.with { client in
            let ended = try await client.run("echo hello | $SSH late")
            #expect(ended.output == "hello\n")
        }
    }

    @Test("a killed client's sessions are closed and its connection ends")
    func killed() async throws {
        try await OpenSSHClient.with { client in
            async let ended = client.run("$SSH hang & echo $! > $DIR/pid; wait")
            try await client.server.journal.wait { entries in
                entries.contains { entry in
                    if case .request(_, .exec) = entry { true } else { false }
                }
            }
            _ = try await client.run("kill -9 $(cat $DIR/pid)")
            try await client.server.journal.wait { entries in
                guard case .disconnected? = entries.last else { return false }
                return entries.contains(.sessionClosed(1))
            }
            _ = try await ended
        }
    }

    @Test("a client that does not read makes the server wait, not store")
    func slowReader() async throws {
        try await OpenSSHClient.with { client in
            async let ended = client.run(
                """
                mkfifo $DIR/pipe $DIR/started $DIR/go
                $SSH 'zeros 50000000' > $DIR/pipe &
                exec 3< $DIR/pipe
                head -c 1000 <&3 > /dev/null
                echo > $DIR/started
                read line < $DIR/go
                cat <&3 | wc -c
                """
            )
            // The program may not finish while nobody reads: 50 MB do not fit into window and
            // sockets. Another client's 5 MB give it the time to prove that.
            try await client.server.journal.wait { entries in
                entries.contains { entry in
                    if case .request(_, .exec) = entry { true } else { false }
                }
            }
            _ = try await client.run("read line < $DIR/started; $SSH 'zeros 5000000' > /dev/null")
            let notes = client.server.journal.entries.filter { $0 == .note("zeros 50000000: done") }
            #expect(notes.isEmpty)
            _ = try await client.run("echo > $DIR/go")
            let rest = try await ended.output
            #expect(Int(rest.trimmingPrefix { $0 == " " }.prefix { $0 != "\n" }) ?? 0 > 49_000_000)
        }
    }

    @Test("passwords and other users are refused as the server says")
    func refused() async throws {
        var behaviour = TestBehaviour()
        behaviour.authenticate = { _ in .refused(methods: ["publickey"]) }
        try await TestServer.run(nil, behaviour) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            let ended = try await client.run("$SSH true; echo $?")
            #expect(ended.output == "ann@127.0.0.1: Permission denied (publickey).\n255\n")
        }
    }

    @Test("the banner and the reason of a refusal are shown")
    func texts() async throws {
        var settings = try TestServer.settings()
        settings.authentication.banner = "Authorised use only.\n"
        var behaviour = TestBehaviour()
        behaviour.authenticated = { _ in
            throw ServerRefusal(reason: .byApplication, text: "No backend is free.")
        }
        try await TestServer.run(settings, behaviour) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            let ended = try await client.run("${SSH/LogLevel=ERROR/LogLevel=INFO} true; echo $?")
            #expect(ended.output.contains("Authorised use only."))
            #expect(ended.output.contains("No backend is free."))
            #expect(ended.output.hasSuffix("255\n"))
        }
    }
}
