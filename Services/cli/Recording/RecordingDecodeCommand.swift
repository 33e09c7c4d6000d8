import ArgumentParser
import Foundation
import NIOCore
import SharedAudit
import SharedMessages

/// `berth recording decode FILE`
struct RecordingDecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Decodes a recording's file without auditd.",
        discussion: """
            Reads format versions 1 and 2, also of sessions that still run or were cut off. \
            What can't be decoded is told in a line {"error":"…"}, and by its code on standard \
            error; the status is then 1.
            """
    )

    @Argument(help: "The file; - reads standard input.")
    var file: String

    @Flag(help: "Print an asciicast instead of JSON lines.")
    var cast = false

    @Option(help: "The asciicast's version, 2 or 3.")
    var version = CastVersion.two

    @OptionGroup var identity: IdentityOption
    @OptionGroup var progress: ProgressOptions

    func run() throws {
        var source = try RecordingFile(file, identity)
        var encoder = version.encoder
        var line = progress.line("decoded", total: source.size)
        while let items = try source.next() {
            write(items, &encoder)
            line.advance(to: source.position)
        }
        if cast { writeOutput(encoder.finish().readableBytesView) }
        line.finish()
        if let fault = source.fault {
            printError("\(fault.id): \(fault.explanation)")
            printError("  \(fault.remedy)")
            guard fault.level == .warning else { throw ExitCode.failure }
        }
    }

    private func write(_ items: [RecordingDecoder.Item], _ encoder: inout CastEncoder) {
        for item in items {
            switch item {
            case .message(let message) where cast: encoder.append(message)
            case .failure where cast: continue
            case .message, .failure: writeOutput((item.jsonLine + "\n").utf8)
            }
        }
        if cast { writeOutput(encoder.take().readableBytesView) }
    }
}
