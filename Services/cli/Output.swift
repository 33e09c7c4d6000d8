import Foundation

/// Writes `text` and a line end to standard error.
func printError(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}

extension String {
    /// The text with control characters replaced, fit for a terminal.
    var printable: String {
        String(
            unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) }
        )
    }
}
