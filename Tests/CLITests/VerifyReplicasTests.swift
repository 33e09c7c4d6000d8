import AuditClient
import ChildProcess
import Foundation
import NIOCore
import Testing

/// `berth recording verify` where two auditds store into one folder.
@Suite(.timeLimit(.minutes(10))) struct VerifyReplicasTests {
    private func record(_ numbers: Range<UInt64>, _ auditd: RunningAuditd) async throws -> String {
        for number in numbers {
            let id = RecordingID(high: 8, low: number)
            let facts = RecordingFacts(remoteAddress: "192.0.2.7", country: "CH", startedAt: 1)
            try await auditd.send([
                .init(id, .open(BatchJSON.encode(facts))),
                .init(id, .append(offset: 0, ByteBuffer(string: "abc"))),
                .init(id, .finish(length: 3)),
            ])
        }
        let text = try await ledger(auditd) { text in numbers.allSatisfy { text.contains(id($0)) } }
        return String(
            try #require(text.split(separator: "\"key\":\"").dropFirst().first?.prefix(64))
        )
    }

    private func id(_ number: UInt64) -> String { "\(RecordingID(high: 8, low: number))" }

    /// What auditd's ledger says, once that is as it shall be.
    private func ledger(
        _ auditd: RunningAuditd,
        _ condition: (String) -> Bool
    ) async throws -> String {
        let path = auditd.folder + "/ledger.d/ledger.log"
        var text = ""
        try await auditd.waitUntil(["list"]) { _ in
            text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return condition(text)
        }
        return text
    }

    private func verify(_ arguments: String...) async throws -> ChildProcess.End {
        try await ChildProcess.run("berth", ["recording", "verify"] + arguments)
    }

    @Test("the ledgers of both are found and verified together, here and over the network")
    func together() async throws {
        try await RunningAuditd.with { first in
            try await RunningAuditd.with { second in
                let files = first.folder + "-files"
                try FileManager.default.createDirectory(
                    atPath: files,
                    withIntermediateDirectories: true
                )
                try Data("abc".utf8).write(to: URL(filePath: "\(files)/\(id(99))"))
                let settings = ["auditd.files=\(files)", "auditd.rescan=300ms"]
                for auditd in [first, second] {
                    try await auditd.start(settings)
                    // It has looked through the folder, and adopts nothing that comes later.
                    _ = try await ledger(auditd) { $0.contains(id(99)) }
                }
                let keys = [try await record(1..<4, first), try await record(4..<6, second)]
                for auditd in [first, second] {
                    try await auditd.waitUntil(["list", "--json"]) { text in
                        (1..<6 as Range<UInt64>).allSatisfy { text.contains(id($0)) }
                    }
                }
                let keyFile = first.folder + "-keys"
                try Data(keys.joined(separator: "\n").utf8).write(to: URL(filePath: keyFile))
                for end in [
                    try await verify(
                        "--public-key",
                        keys[0],
                        "--public-key",
                        keys[1],
                        "--files",
                        files,
                        first.folder,
                        second.folder
                    ),
                    try await verify(
                        "--public-key",
                        keyFile,
                        "--server",
                        first.url,
                        "--replica",
                        second.url,
                        "--heads",
                        files
                    ),
                ] {
                    #expect(end.status == 0, "\(end.output) \(end.errors)")
                    #expect(end.output.contains("recordings are as they were recorded"))
                    for key in keys {
                        #expect(end.output.contains("ledger-\(key.prefix(16)) ends"))
                    }
                }
                let one = try await verify(
                    "--public-key",
                    keyFile,
                    "--files",
                    files,
                    first.folder
                )
                #expect(one.status == 1)
                #expect(
                    one.output.contains("EVIDENCE_LEDGER_MISSING  ledger-\(keys[1].prefix(16))")
                )
                #expect(one.output.contains("EVIDENCE_RECORDING_UNKNOWN  \(id(5))"))
            }
        }
    }

    @Test(
        "what does not go together is refused with the usage",
        arguments: [
            ["--replica", "unix:///a", "/tmp"], ["--head", "a", "/a", "/b"],
            ["--ledger", "a", "--replica", "unix:///a"], ["--witness", "1"],
            ["--witness", "a:b"], ["--witness", "1:2", "/tmp/none-a", "/tmp/none-b"],
        ]
    )
    func refused(_ arguments: [String]) async throws {
        let key = String(repeating: "ab", count: 32)
        let end = try await ChildProcess.run(
            "berth",
            ["recording", "verify", "--public-key", key] + arguments
        )
        #expect(end.status == 64, "\(end.output) \(end.errors)")
    }

    @Test("a key that is none is told", arguments: ["abc", "/dev/null", "zz"])
    func noKey(_ key: String) async throws {
        let end = try await verify("--public-key", key, "/tmp/none")
        #expect(end.status == 1 && end.errors.contains("EVIDENCE_KEY_UNREADABLE"))
    }
}
