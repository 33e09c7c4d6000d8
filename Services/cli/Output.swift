import Foundation
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes `text` and a line end to standard error.
func printError(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}

/// Writes bytes to standard output as they are.
func writeOutput(_ bytes: some Sequence<UInt8>) {
    FileHandle.standardOutput.write(Data(bytes))
}

/// Whether somebody looks at it.
func isTerminal(_ handle: FileHandle) -> Bool { isatty(handle.fileDescriptor) == 1 }

/// Tells a failure by its code, its reason and what to do about it.
func tell(_ error: CodedError) {
    printError("\(error.code.id): \(error.code.explanation)".printable)
    if !error.detail.isEmpty, error.detail != error.code.explanation {
        printError("  \(error.detail)".printable)
    }
    if let cause = error.cause { printError("  \(cause)".printable) }
    printError("  \(error.code.remedy)")
}

extension String {
    /// The text with control characters replaced, fit for a terminal.
    var printable: String {
        String(
            unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) }
        )
    }

    /// As `printable`, keeping line ends.
    var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0).printable }.joined(separator: "\n")
    }
}
