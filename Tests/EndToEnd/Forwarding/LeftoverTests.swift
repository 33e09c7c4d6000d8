import Foundation
import Glibc
import SharedMessages
import Testing

@Suite(
    "What forwards leave behind",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(5))
)
struct LeftoverTests {
    @Test("a client that is killed with open forwards leaves no process, socket or file")
    func killed() async throws {
        try await Installation.with([
            "security.forwarding.forwardingMode=enable",
            "security.forwarding.reverseForwardingMode=enable",
            "security.forwarding.socketListenMode=enable",
        ]) { installation in
            let gateway = try installation.process(.gateway)
            // The first connection opens what stays open.
            _ = try await installation.ssh("true")
            try await installation.awaitLog(.gateway, .sandboxClosed)
            var before = 0
            try await wait(for: "the gateway is at rest") {
                let count = HostProcesses.descriptors(gateway.id)
                defer { before = count }
                return count == before
            }
            let marker = HostProcesses.uniqueSleep()
            let port = Surroundings.freePort()
            let client = try installation.launchSSH(
                "sleep \(marker) | (\(try Sockets.command("echo 8080")))",
                arguments: [
                    "-n", "-L", "\(port):127.0.0.1:8080", "-R", "9090:127.0.0.1:1",
                    "-R", "/tmp/far.sock:127.0.0.1:1",
                ]
            )
            _ = try await client.ready()
            let peer = try installation.launch(
                Sockets.python,
                [Sockets.script, "send", "\(port)"],
                input: .held
            )
            try peer.write("hello\n")
            try await wait(for: "the echo") { peer.output == "hello\n" }
            #expect(HostProcesses.descriptors(gateway.id) > before)
            client.send(SIGKILL)
            _ = try await client.end()
            try await wait(for: "the sandbox is gone") { HostProcesses.count(marker) == 0 }
            try await wait(for: "the gateway holds no more than before") {
                HostProcesses.descriptors(gateway.id) <= before
            }
            try peer.closeInput()
            _ = try await peer.end()
        }
    }

    @Test(
        "a connection whose client does not read makes the far side wait, not the gateway grow"
    )
    func slowReader() async throws {
        try await Installation.with(["security.forwarding.forwardingMode=enable"]) { installation in
            let gateway = try installation.process(.gateway)
            let port = Surroundings.freePort()
            let (client, _) = try await installation.serverInside(
                "flood",
                "8080",
                ["-L", "\(port):127.0.0.1:8080"]
            )
            let before = HostProcesses.memory(gateway.id)
            let reader = try installation.launch(
                Sockets.python,
                [Sockets.script, "idle", "\(port)"],
                input: .held
            )
            try await wait(for: "the connection") { reader.output == "open\n" }
            var seen: [Int] = []
            try await wait(.seconds(150), for: "the transfer stands still") {
                seen.append(HostProcesses.memory(gateway.id) >> 20)
                return seen.count > 20 && Set(seen.suffix(20)).count == 1
            }
            #expect(HostProcesses.memory(gateway.id) - before < 64 << 20)
            try reader.closeInput()
            _ = try await reader.end()
            try client.closeInput()
            _ = try await client.end()
        }
    }
}
