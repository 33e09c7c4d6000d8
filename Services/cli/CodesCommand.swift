import ArgumentParser
import SharedMessages

/// `berth codes`: the whole catalogue, as identifiers or as the reference document.
struct CodesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codes",
        abstract: "Lists all message codes."
    )

    @Flag(name: .long, help: "Print the reference as Markdown (the contents of docs/codes.md).")
    var markdown = false

    func run() {
        guard markdown else { return MessageCode.all.forEach { print($0.id) } }
        print(CodesDocument.markdown(), terminator: "")
    }
}
