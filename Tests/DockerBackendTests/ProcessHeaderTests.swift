import Testing

@testable import DockerBackend

@Suite("The process id that an image's agent tells")
struct ProcessHeaderTests {
    private func bytes(_ process: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: process >> (8 * $0)) }
    }

    /// As a terminal passes them on.
    private func onTerminal(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
    }

    /// Ids with every byte that a terminal changes, in every place.
    static let processes = [
        1, 10, 13, 266, 522, 2560, 2815, 3338, 3339, 0x0A0A0A, 0x0D0A0D, 4_194_304,
    ]

    @Test("it is read however it is cut, whatever a terminal does to it", arguments: processes)
    func read(_ process: Int) {
        for (hasTerminal, hasEcho) in [(false, false), (true, false), (true, true)] {
            var stream = bytes(process)
            if hasTerminal { stream = onTerminal(stream) }
            if hasEcho { stream = [0x0D, 0x0A] + stream }
            for cut in 0...stream.count {
                var header = ProcessHeader(hasTerminal: hasTerminal, hasEcho: hasEcho)
                let first = header.take(stream[..<cut])
                guard cut < stream.count else {
                    #expect(first == .process(process, rest: []))
                    continue
                }
                #expect(first == .unfinished)
                #expect(
                    header.take(stream[cut...] + [0x0D, 0x0A, 0x24])
                        == .process(process, rest: [0x0D, 0x0A, 0x24])
                )
            }
        }
    }

    @Test(
        "what an engine says instead is no process id",
        arguments: ["OCI runtime exec failed: no such file", "\0\0\0\0", "sh: x: not found"]
    )
    func foreign(_ text: String) {
        var header = ProcessHeader(hasTerminal: false, hasEcho: false)
        #expect(header.take(Array(text.utf8)) == .foreign(text))
        var echoed = ProcessHeader(hasTerminal: true, hasEcho: true)
        #expect(echoed.take(Array(text.utf8)) == .foreign(text))
    }
}
