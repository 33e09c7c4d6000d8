import CProcess
import SharedSSH

/// A program in the form the sandbox's first process takes it: see `berth_start`.
struct StartPayload: Sendable {
    var folder: String
    var file: String
    var arguments: [RawText]
    /// Assignments `NAME=value`.
    var environment: [RawText]
    var terminal: PTYRequest?

    /// The bytes; a NUL inside a string cannot be a program's, it is cut there as C does.
    var bytes: [UInt8] {
        var header = berth_start()
        header.has_terminal = terminal == nil ? 0 : 1
        header.argument_count = UInt32(arguments.count)
        header.environment_count = UInt32(environment.count)
        if let terminal {
            header.rows = UInt16(clamping: terminal.size.rows)
            header.columns = UInt16(clamping: terminal.size.columns)
            header.pixel_width = UInt16(clamping: terminal.size.pixelWidth)
            header.pixel_height = UInt16(clamping: terminal.size.pixelHeight)
            header.modes = TerminalModes.settings(applying: terminal.modes)
        }
        var bytes = unsafe withUnsafeBytes(of: header) { unsafe Array($0) }
        for text in [RawText(folder), RawText(file)] + arguments + environment {
            bytes += text.bytes.prefix { $0 != 0 }
            bytes.append(0)
        }
        return bytes
    }
}
