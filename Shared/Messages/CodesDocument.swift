/// The reference of all codes as Markdown, the contents of `docs/codes.md`.
package enum CodesDocument {
    /// The whole document; the same input gives the same bytes.
    package static func markdown(areas: [CodeArea] = MessageCode.areas) -> String {
        let count = areas.reduce(0) { $0 + $1.codes.count }
        return ([introduction(count: count)] + areas.map(chapter)).joined(separator: "\n")
    }

    private static func introduction(count: Int) -> String {
        """
        # Message codes

        Every event and every error has one code, which never changes its meaning. There are
        \(count). Made by `berth codes --markdown` from `Shared/Messages`; do not edit by hand.
        `berth explain CODE` shows one entry in a terminal.

        *Audit* marks codes that reach the log whatever level is configured. *Shown* is what the
        person at the keyboard may read; where it is missing they see nothing of the event.

        """
    }

    private static func chapter(_ area: CodeArea) -> String {
        (["## \(area.title)\n"] + area.codes.map(entry)).joined(separator: "\n")
    }

    private static func entry(_ code: MessageCode) -> String {
        var lines = ["### \(code.id)", "", code.traits, "", code.explanation, ""]
        if let text = code.personText { lines += ["*Shown:* \(text)", ""] }
        lines += ["*What to do:* \(code.remedy)", ""]
        return lines.joined(separator: "\n")
    }
}

extension MessageCode {
    /// Level and audit flag in a few words.
    package var traits: String { isAudit ? "\(level.name), audit" : level.name }

    /// The entry of this code for a terminal.
    package var terminalText: String {
        var lines = ["\(id) (\(traits))", "  \(explanation)"]
        if let personText { lines.append("  Shown to the person: \(personText)") }
        lines.append("  What to do: \(remedy)")
        return lines.joined(separator: "\n")
    }
}
