import Foundation
import Logging
import SharedConfig
import SharedMessages
import Testing

@testable import SharedLogging

/// A folder that lives as long as `body`.
func withFolder<R>(_ body: (URL) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "berth-log-\(UInt64.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // temporary anyway
    return try await body(folder)
}

func lines(_ file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
}

func logger(_ writer: LogWriter, module: String = "") -> Logger {
    Logger(label: "test") { _ in RecordHandler(module: module, writer: writer) }
}

extension LogSettings {
    static func file(_ url: URL, level: MessageLevel = .debug, format: LogFormat = .ljson) -> Self {
        LogSettings(level: level, format: format, destination: .file(url.path))
    }
}
