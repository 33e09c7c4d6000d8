import ArgumentParser
import AuditClient
import Foundation
import SharedMessages

/// `berth recording export`
struct RecordingExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes recordings into files, named by their identifiers."
    )

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case raw
        case jsonl
        case cast

        var suffix: String { self == .raw ? "" : ".\(rawValue)" }

        func path(_ id: RecordingID) -> String {
            switch self {
            case .raw: RecordingRoutes.raw(id)
            case .jsonl: RecordingRoutes.messages(id)
            case .cast: RecordingRoutes.cast(id)
            }
        }
    }

    @OptionGroup var auditd: AuditdOptions

    @Argument(help: "The connections' identifiers.")
    var ids: [String]

    @Option(help: "The folder to write to.")
    var directory = "."

    @Option(help: "raw: as recorded; jsonl: one JSON object per line; cast: asciicast.")
    var form = Form.raw

    @Flag(help: "Replace files that are there.")
    var force = false

    @OptionGroup var progress: ProgressOptions

    func run() async throws {
        for id in ids { try await export(try RecordingArgument.parse([id]).name) }
    }

    private func export(_ id: RecordingID) async throws {
        let path = "\(directory)/\(id)\(form.suffix)"
        guard force || !FileManager.default.fileExists(atPath: path) else {
            throw notWritten("\(path) is there already")
        }
        let size = try await auditd.decode(RecordingSummary.self, RecordingRoutes.summary(id)).size
        // It gets its name only when it is whole.
        let draft = path + ".partial"
        try write(nil, draft)
        var line = progress.line("\(id):", total: form == .raw ? size : 0)
        var count: UInt64 = 0
        do {
            let handle = try FileHandle(forWritingTo: URL(filePath: draft))
            try await auditd.get(form.path(id)) { bytes in
                try handle.write(contentsOf: Data(bytes))
                count += UInt64(bytes.count)
                line.advance(to: count)
            }
            try handle.close()
            try? FileManager.default.removeItem(atPath: path)  // Only there with --force.
            try FileManager.default.moveItem(atPath: draft, toPath: path)
        } catch {
            try? FileManager.default.removeItem(atPath: draft)  // The cause is what counts.
            if error is ExitCode { throw error }
            throw notWritten("\(path): \(error)")
        }
        line.finish()
        print(path)
    }

    private func write(_ data: Data?, _ path: String) throws {
        let isMade = FileManager.default.createFile(
            atPath: path,
            contents: data,
            attributes: [.posixPermissions: 0o600]
        )
        guard isMade else { throw notWritten(path) }
    }

    private func notWritten(_ detail: String) -> ExitCode {
        tell(CodedError(.recordingNotWritten, detail: detail))
        return .failure
    }
}
