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

    @Flag(help: "Each part as it is stored, in a file of its own: with raw.")
    var parts = false

    @OptionGroup var progress: ProgressOptions

    func validate() throws {
        guard !parts || form == .raw else { throw ValidationError("--parts goes with raw only.") }
    }

    func run() async throws {
        for id in ids {
            let id = try RecordingArgument.parse([id]).name
            guard parts else {
                let summary = try await auditd.decode(
                    RecordingSummary.self,
                    RecordingRoutes.summary(id)
                )
                try await export(id, form.path(id), summary.size)
                continue
            }
            for part in try await auditd.parts(of: id) {
                try await export(part, RecordingRoutes.rawPart(part), 0)
            }
        }
    }

    private func export(_ id: RecordingID, _ route: String, _ size: UInt64) async throws {
        let path = "\(directory)/\(id)\(form.suffix)"
        guard force || !FileManager.default.fileExists(atPath: path) else {
            throw notWritten("\(path) is there already")
        }
        // It gets its name only when it is whole.
        let draft = path + ".partial"
        try write(nil, draft)
        var line = progress.line("\(id):", total: form == .raw ? size : 0)
        var count: UInt64 = 0
        do {
            let handle = try FileHandle(forWritingTo: URL(filePath: draft))
            try await auditd.get(route) { bytes in
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
