import Crypto
import Foundation
import Glibc
import Testing

extension EndToEnd {
    // Serialized: several bulk transfers of debug builds at once only slow each other down.
    @Suite("Many bytes over ssh", .timeLimit(.minutes(6)), .serialized)
    struct BulkTests {
        @Test("100 MB through standard input and output arrive as they were sent")
        func intact() async throws {
            let installation = try Installation.current
            let (file, digest) = try installation.randomFile(megabytes: 100)
            let end = try await installation.ssh(
                "cat",
                input: .file(file),
                within: .seconds(300)
            )
            #expect(end.status == 0)
            #expect(try Installation.sha256(of: end.outputFile) == digest)
        }

        @Test("new keys during a transfer harm no byte")
        func rekey() async throws {
            let installation = try Installation.current
            let (file, digest) = try installation.randomFile(megabytes: 50)
            let end = try await installation.ssh(
                "cat",
                .with("RekeyLimit=1M"),
                arguments: ["-v"],
                input: .file(file),
                within: .seconds(300)
            )
            #expect(end.status == 0)
            #expect(try Installation.sha256(of: end.outputFile) == digest)
            let exchanges = end.errors.components(separatedBy: "SSH2_MSG_KEXINIT received").count
            #expect(exchanges > 20)
        }

        @Test("a client that does not read makes the program wait, not the gateway grow")
        func slowReader() async throws {
            let installation = try Installation.current
            let gateway = try installation.process(.gateway)
            let before = HostProcesses.memory(gateway.id)
            let marker = "/dev/shm/progress"
            // Counts in the sandbox's own memory how much the program could write.
            let client = try installation.launchSSH(
                "for n in $(seq 300); do head -c 1000000 /dev/zero; echo $n > \(marker); done",
                arguments: ["-n"],
                unread: true
            )
            defer { client.send(SIGKILL) }
            var seen: [Int] = []
            // Stands still: the same amount of memory in five looks, one after the other.
            try await wait(.seconds(150), for: "the transfer stands still") {
                seen.append(HostProcesses.memory(gateway.id) >> 20)
                return seen.count > 20 && Set(seen.suffix(20)).count == 1
            }
            #expect(HostProcesses.memory(gateway.id) - before < 64 << 20)
            #expect(kill(client.id, 0) == 0)
        }
    }
}
