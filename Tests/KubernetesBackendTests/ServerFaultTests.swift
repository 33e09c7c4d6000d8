import ClusterDouble
import GatewayCore
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedMessages
import SharedSSH
import Testing

@testable import KubernetesBackend

/// Every call that a login makes, and every way in which a server may fail it once.
@Suite(
    "One call that fails",
    .enabled(if: ClusterDouble.isPossible, KubernetesFixture.reason),
    .timeLimit(.minutes(10))
)
struct ServerFaultTests {
    struct Call: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: ConfigTree
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: ConfigTree
        /// The calls that may meet it; empty: all.
        var only: [String] = []
    }

    private static let calls = [
        Call(testDescription: "create", fields: ["method": "POST"]),
        Call(testDescription: "attach", fields: ["path": "/attach$"]),
        Call(testDescription: "watch", fields: ["path": "/pods$", "query": "watch"]),
        Call(testDescription: "mark", fields: ["method": "PATCH"]),
        Call(testDescription: "remove", fields: ["method": "DELETE"]),
    ]

    private static let faults = [
        Fault(testDescription: "slow", fields: ["delay": 1]),
        Fault(testDescription: "slower than the gateway waits", fields: ["delay": 4]),
        Fault(testDescription: "cut before the answer", fields: ["cut": "\r\n"]),
        Fault(testDescription: "cut in the answer", fields: ["cut": "HTTP/1.1 20"]),
        Fault(testDescription: "no HTTP", fields: ["cut": "SSH-2.0-other\r\n\r\n"]),
        Fault(testDescription: "429", fields: ["status": 429, "retryAfter": 1]),
        Fault(testDescription: "500", fields: ["status": 500]),
        Fault(testDescription: "503", fields: ["status": 503]),
        Fault(testDescription: "504", fields: ["status": 504]),
        Fault(
            testDescription: "409, as a quota says it under load",
            fields: ["status": 409, "reason": "Conflict"],
            only: ["create", "mark"]
        ),
        Fault(
            testDescription: "done, and its answer lost",
            fields: ["lose": true],
            only: ["create", "remove"]
        ),
        Fault(testDescription: "410", fields: ["status": 410], only: ["watch"]),
    ]

    @Test("it is made again: the login goes on, and nothing is left", arguments: faults)
    func survived(_ fault: Fault) async throws {
        try await KubernetesFixture.withCluster { cluster in
            for call in Self.calls {
                guard fault.only.isEmpty || fault.only.contains(call.testDescription) else {
                    continue
                }
                try await cluster.fault(call.fields.merged(with: fault.fields))
                let output = try await login(cluster)
                #expect(output == "done\n", "\(call.testDescription)")
            }
        }
    }

    /// What a program says in a pod of its own.
    private func login(_ cluster: ClusterDouble) async throws -> String {
        let backend = try KubernetesFixture.backend(cluster) {
            $0.pod.agent.image = ClusterDouble.agentImage
            $0.timeouts.http = .seconds(2)
        }
        let request = KubernetesFixture.request()
        let workspace = try await backend.openWorkspace(request) { _ in }
        let program = try await workspace.start(ProgramRequest(kind: .exec("echo done")))
        var output = ""
        while let piece = try await program.nextOutput() { output += String(buffer: piece.bytes) }
        _ = try await program.exit()
        await workspace.close()
        try await eventually("nothing is left") {
            try await cluster.leftovers(of: request.connectionID).isEmpty
        }
        return output
    }

    @Test(
        "what cannot get better ends the login at once, with the server's words for the operator",
        arguments: [(400, "BadRequest"), (403, "Forbidden"), (404, "NotFound"), (422, "Invalid")]
    )
    func final(_ status: Int, _ reason: String) async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.fault([
                "method": "POST", "status": .integer(status), "reason": .string(reason),
                "message": "exceeded quota", "times": 1,
            ])
            let backend = try KubernetesFixture.backend(cluster)
            let error = await #expect(throws: CodedError.self) {
                _ = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            }
            #expect(error?.code == .kubernetesPodCreateFailed)
            #expect(error?.detail.contains("exceeded quota") == true, "\(error?.detail ?? "")")
            #expect(try await cluster.pods().isEmpty)
        }
    }
}
