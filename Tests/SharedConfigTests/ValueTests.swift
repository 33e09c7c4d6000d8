import SharedConfig
import Testing

@Suite("Values")
struct ValueTests {
    @Test(
        "a duration is read and written as Go does",
        arguments: [
            ("0s", Duration.zero, "0s"), ("0", .zero, "0s"), ("1h30m", .seconds(5400), "1h30m0s"),
            ("1.5s", .milliseconds(1500), "1.5s"), ("100ms", .milliseconds(100), "100ms"),
            ("2us", .microseconds(2), "2µs"), ("2µs", .microseconds(2), "2µs"),
            ("7ns", .nanoseconds(7), "7ns"), ("-1m", .seconds(-60), "-1m0s"),
            ("1.5ms", .microseconds(1500), "1.5ms"), (".5h", .seconds(1800), "30m0s"),
            ("1m0.25s", .milliseconds(60_250), "1m0.25s"),
            ("0.000000001s", .nanoseconds(1), "1ns"), ("100h", .seconds(360_000), "100h0m0s"),
        ]
    )
    func durations(text: String, expected: Duration, written: String) {
        #expect(Duration(goText: text) == expected)
        #expect(expected.goText == written)
        #expect(Duration(goText: written) == expected)
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", "1", "s", "1d", "1.s2", "-", "1s ", " 1s", "1.1.1s", "9999999999h", "1e3s", ".",
        ]
    )
    func malformedDurations(text: String) {
        #expect(Duration(goText: text) == nil)
    }

    @Test(
        "a listen address has a host and a port, or is a socket",
        arguments: [
            ("0.0.0.0:2222", ListenAddress.tcp(host: "0.0.0.0", port: 2222)),
            ("[::1]:0", .tcp(host: "::1", port: 0)), (":80", .tcp(host: "0.0.0.0", port: 80)),
            ("unix:///run/x.sock", .unix(path: "/run/x.sock")),
        ]
    )
    func addresses(text: String, expected: ListenAddress) {
        #expect(ListenAddress(text) == expected)
        #expect(ListenAddress(expected.description) == expected)
    }

    @Test(
        "what is no listen address is refused",
        arguments: ["", "80", "a:", "a:65536", "::1:80", "a:+1", "unix://x", "a b:1", "a:-1"]
    )
    func malformedAddresses(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(
        "only loopback and sockets count as local",
        arguments: [
            ("127.0.0.1:1", true), ("127.8.9.1:1", true), ("localhost:1", true), ("[::1]:1", true),
            ("unix:///x", true), ("0.0.0.0:1", false), ("127.evil.example:1", false),
            ("127.0.0.1.evil.example:1", false), (":1", false),
        ]
    )
    func local(text: String, expected: Bool) {
        #expect(ListenAddress(text)?.isLocal == expected)
    }

    @Test("a secret shows itself in no description")
    func secrets() {
        let secret = Secret("hunter2")
        let pem = PEMSource("  -----BEGIN PRIVATE KEY-----\nhunter2")
        var texts = ["\(secret)", String(reflecting: secret), "\([secret])", "\(pem)"]
        texts += [String(reflecting: pem), "\([pem])"]
        var dumped = ""
        dump(secret, to: &dumped)
        dump(pem, to: &dumped)
        #expect((texts + [dumped]).allSatisfy { !$0.contains("hunter2") })
        #expect(secret.reveal() == "hunter2")
    }

    @Test(
        "cipher suites are known by the names of IANA, OpenSSL and GnuTLS",
        arguments: [
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
            "TLS_ECDHE_RSA_AES_128_GCM_SHA256",
        ]
    )
    func suites(name: String) {
        #expect(TLSCipherSuite.named(name) == .ecdheRSAAES128GCM)
    }

    @Test(
        "an identification line follows RFC 4253",
        arguments: [
            ("SSH-2.0-Berth", true), ("SSH-2.0-OpenSSH_9.6 Debian-1", true), ("SSH-2.0-", false),
            ("SSH-1.99-x", false), ("SSH-2.0-a-b", false), ("SSH-2.0-a\r\n", false),
            ("SSH-2.0-" + String(repeating: "x", count: 245), true),
            ("SSH-2.0-" + String(repeating: "x", count: 246), false),
        ]
    )
    func identification(text: String, expected: Bool) {
        #expect(SSHAlgorithms.isIdentification(text) == expected)
    }
}
