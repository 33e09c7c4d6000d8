import BackendConformance
import NIOPosix
import SSHTarget
import Testing

@Suite(
    "sshproxy keeps a backend's promises",
    .enabled(if: SSHTarget.isThere, ProxyFixture.reason)
)
struct SSHProxyConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await SSHTarget.with { target in
            let subject = ConformanceSubject(
                backend: try ProxyFixture(target).backend,
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                isRelay: true,
                // What the target leaves running there is the target's affair; its connections
                // are the gateway's.
                leftovers: { _ in
                    target.clientSockets.map { "socket \($0)" }
                        + target.connections.map { "process \($0)" }
                }
            )
            try await promise.prove(on: subject)
        }
    }
}
