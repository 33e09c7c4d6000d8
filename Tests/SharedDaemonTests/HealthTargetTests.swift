import SharedConfig
import SharedDaemon
import Testing

@Suite("Where --healthcheck asks")
struct HealthTargetTests {
    @Test(
        "the URL follows from where the daemon listens",
        arguments: [
            ("127.0.0.1:7010", "http://127.0.0.1:7010/healthz"),
            ("0.0.0.0:7010", "http://127.0.0.1:7010/healthz"),
            (":7010", "http://127.0.0.1:7010/healthz"),
            ("[::]:7010", "http://[::1]:7010/healthz"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:80/healthz"),
            ("unix:///run/x.sock", "unix:///run/x.sock"),
        ]
    )
    func urls(listen: String, url: String) {
        let target = HTTPClientConfig.asking(HTTPServerConfig(listen: listen), like: .init())
        #expect(target.url == url)
    }

    @Test("a listener with TLS is asked over TLS with the health client's certificates")
    func tls() throws {
        var server = HTTPServerConfig(listen: "10.0.0.1:443")
        server.certificate = PEMSource("/cert.pem")
        server.key = PEMSource("/key.pem")
        var client = HTTPClientConfig()
        client.caCertificate = PEMSource("/ca.pem")
        let target = HTTPClientConfig.asking(server, like: client)
        #expect(target.url == "https://10.0.0.1:443/healthz")
        #expect(target.caCertificate == client.caCertificate)
    }
}
