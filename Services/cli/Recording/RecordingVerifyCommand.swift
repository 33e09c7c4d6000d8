import ArgumentParser
import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import SharedHTTP
import SharedMessages

/// `berth recording verify`
struct RecordingVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Proves that recordings are what was recorded, or tells what is not.",
        discussion: """
            Trusts nothing but the public key: finds recordings that were changed, cut, swapped, \
            added or removed, and a ledger that was. The status is 1 if anything was found.
            """
    )

    @Argument(help: "auditd's folder or a copy of it; without it, auditd is asked.")
    var directory: String?

    @OptionGroup var auditd: AuditdOptions

    @Option(help: "The ledger's first public key: 64 hexadecimal digits, or a file with them.")
    var publicKey: String

    @Option(help: "Read the ledger from this file.")
    var ledger: String?

    @Option(help: "Read the ledger's head from this file, such as a copy in the storage.")
    var head: String?

    @Option(help: "The folder with the recordings (auditd.files), if it is another one.")
    var files: String?

    @Option(
        help: ArgumentHelp(
            "An entry seen earlier: NUMBER:MARK, from the metrics berth_auditd_ledger_entries "
                + "less one, and berth_auditd_ledger_head.",
            valueName: "number:mark"
        )
    )
    var witness: String?

    @OptionGroup var progress: ProgressOptions

    func run() async throws {
        let key = try key()
        if let directory {
            let folder = EvidenceFolder(directory, ledger: ledger, head: head, recordings: files)
            return try await verify(EvidenceVerifier(folder, key: key, witness: seen()))
        }
        // A copy is verified: what auditd sends at the end belongs together.
        let copy = EvidenceCopy(auditd)
        defer { copy.remove() }
        try await copy.fetch()
        let source = EvidenceServer(auditd, copy, ledger: ledger, head: head)
        try await verify(EvidenceVerifier(source, key: key, witness: seen()))
    }

    private func verify(_ start: EvidenceVerifier) async throws {
        var verifier = start
        var line = progress.line("verified", total: 0, unit: .recordings)
        do {
            try await verifier.run { line.advance(to: $0) }
        } catch let error as ExitCode {
            throw error
        } catch {
            tell(CodedError(.recordingUnreadable, detail: "\(error)"))
            throw ExitCode.failure
        }
        line.finish()
        for finding in verifier.findings {
            print("\(finding.code.id)  \(finding.subject)  \(finding.detail)".printable)
        }
        guard let head = verifier.head, verifier.findings.isEmpty else {
            printError("\(verifier.findings.count) findings in \(verifier.count) recordings")
            throw ExitCode.failure
        }
        print("\(verifier.count) recordings are as they were recorded")
        print("ledger ends with entry \(head.sequence), \(head.hash)")
    }

    private func key() throws -> [UInt8] {
        let file = try? String(contentsOfFile: publicKey, encoding: .utf8)  // Else it is the key.
        let text = (file ?? publicKey).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let key = [UInt8](hex: text), key.count == 32 else {
            tell(CodedError(.evidenceKeyUnreadable))
            throw ExitCode.failure
        }
        return key
    }

    private func seen() throws -> EvidenceVerifier.Witness? {
        guard let parts = witness?.split(separator: ":") else { return nil }
        guard parts.count == 2, let number = UInt64(parts[0]), let mark = UInt64(parts[1]) else {
            throw ValidationError("--witness must be NUMBER:MARK.")
        }
        return .init(sequence: number, mark: mark)
    }
}
