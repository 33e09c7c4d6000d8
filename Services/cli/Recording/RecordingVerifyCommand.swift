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

            Several auditds have a ledger each: give all their folders (or one folder with them \
            inside), or --server and --replica, and the public key of each.
            """
    )

    @Argument(help: "auditds' folders or copies of them; without any, auditd is asked.")
    var directories: [String] = []

    @OptionGroup var auditd: AuditdOptions

    @Option(
        help: ArgumentHelp(
            "A further auditd that keeps recordings in the same place; may be repeated.",
            valueName: "url"
        )
    )
    var replica: [String] = []

    @Option(
        help: ArgumentHelp(
            "A ledger's first public key: 64 hexadecimal digits, or a file with one per line; "
                + "may be repeated.",
            valueName: "key"
        )
    )
    var publicKey: [String]

    @Option(help: "Read the ledger from this file.")
    var ledger: String?

    @Option(help: "Read the ledger's head from this file, such as a copy in the storage.")
    var head: String?

    @Option(
        help: ArgumentHelp(
            "A folder with copies of the heads in the storage, ledger-DIGITS.head. Those beside "
                + "recordings in a folder are read by themselves.",
            valueName: "folder"
        )
    )
    var heads: String?

    @Option(help: "The folder with the recordings (auditd.files), if it is another one.")
    var files: String?

    @Option(
        help: ArgumentHelp(
            "An entry seen earlier: NUMBER:MARK, from the metrics berth_auditd_ledger_entries "
                + "less one, and berth_auditd_ledger_head; with several ledgers LEDGER:NUMBER:MARK, "
                + "with their label. May be repeated.",
            valueName: "number:mark"
        )
    )
    var witness: [String] = []

    @OptionGroup var progress: ProgressOptions

    func validate() throws {
        guard ledger == nil && head == nil || directories.count <= 1 && replica.isEmpty else {
            throw ValidationError("--ledger and --head are for one auditd; see --heads.")
        }
        guard directories.isEmpty || replica.isEmpty else {
            throw ValidationError("Give folders or --replica, not both.")
        }
        _ = try seen()
    }

    func run() async throws {
        let keys = try keys()
        if !directories.isEmpty {
            let members = try failing { try folders() }
            let kept = try failing { try keptHeads(Set(members.map(\.place))) }
            return try await verify(members, keys, kept)
        }
        // Copies are verified: what an auditd sends at the end belongs together.
        let kept = try failing { try keptHeads([]) }
        var copies: [EvidenceCopy] = []
        defer { for copy in copies { copy.remove() } }
        var members: [EvidenceSet.Member] = []
        for server in [auditd.server] + replica {
            var asked = auditd
            asked.server = server
            let copy = EvidenceCopy(asked)
            copies.append(copy)
            try await copy.fetch()
            let source = EvidenceServer(asked, copy, ledger: ledger, head: head)
            members.append(.init(name: server, source: source, place: ""))
        }
        try await verify(members, keys, kept)
    }

    private func folders() throws -> [EvidenceSet.Member] {
        guard ledger != nil || head != nil, let directory = directories.first else {
            return try EvidenceFolder.members(in: directories, recordings: files)
        }
        let source = EvidenceFolder(directory, ledger: ledger, head: head, recordings: files)
        return [.init(name: directory, source: source, place: files ?? directory)]
    }

    private func keptHeads(_ places: Set<String>) throws -> [KeptHead] {
        var all: [KeptHead] = []
        for folder in places.union([heads].compactMap { $0 }).sorted() {
            all += try KeptHead.all(in: folder)
        }
        return all
    }

    private func verify(
        _ members: [EvidenceSet.Member],
        _ keys: [[UInt8]],
        _ kept: [KeptHead]
    ) async throws {
        let witnesses = try seen()
        guard witnesses[""] == nil || members.count == 1 && keys.count == 1 else {
            throw ValidationError("With several ledgers --witness must be LEDGER:NUMBER:MARK.")
        }
        var set = EvidenceSet(members, keys: keys, kept: kept, witnesses: witnesses)
        var line = progress.line("verified", total: 0, unit: .recordings)
        do {
            try await set.run { line.advance(to: $0) }
        } catch let error as ExitCode {
            throw error
        } catch {
            throw unreadable(error)
        }
        line.finish()
        for finding in set.findings {
            print("\(finding.code.id)  \(finding.subject)  \(finding.detail)".printable)
        }
        guard set.findings.isEmpty else {
            printError("\(set.findings.count) findings in \(set.count) recordings")
            throw ExitCode.failure
        }
        print("\(set.count) recordings are as they were recorded")
        for (ledger, head) in set.heads {
            let name = set.heads.count == 1 ? "ledger" : "ledger-\(ledger)"
            print("\(name) ends with entry \(head.sequence), \(head.hash)")
        }
    }

    private func failing<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw unreadable(error) }
    }

    private func unreadable(_ error: any Error) -> ExitCode {
        tell(CodedError(.recordingUnreadable, detail: "\(error)"))
        return .failure
    }

    private func keys() throws -> [[UInt8]] {
        var keys: [[UInt8]] = []
        for given in publicKey {
            let file = try? String(contentsOfFile: given, encoding: .utf8)  // Else it is the key.
            for text in (file ?? given).split(whereSeparator: \.isWhitespace) {
                guard let key = [UInt8](hex: text), key.count == 32 else {
                    tell(CodedError(.evidenceKeyUnreadable))
                    throw ExitCode.failure
                }
                if !keys.contains(key) { keys.append(key) }
            }
        }
        guard !keys.isEmpty else {
            tell(CodedError(.evidenceKeyUnreadable))
            throw ExitCode.failure
        }
        return keys
    }

    /// By the ledger's name, which is empty where none was given.
    private func seen() throws -> [String: EvidenceVerifier.Witness] {
        var seen: [String: EvidenceVerifier.Witness] = [:]
        for text in witness {
            let parts = text.split(separator: ":").map(String.init)
            guard (2...3).contains(parts.count), let number = UInt64(parts[parts.count - 2]),
                let mark = UInt64(parts[parts.count - 1])
            else { throw ValidationError("--witness must be NUMBER:MARK or LEDGER:NUMBER:MARK.") }
            let name = parts.count == 3 ? parts[0] : ""
            seen[name] = .init(sequence: number, mark: mark)
        }
        return seen
    }
}
