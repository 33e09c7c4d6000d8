import Foundation
import FuzzTargets
import Testing

/// The fuzzer's findings and the inputs that reach most of the code, run again.
@Suite("The corpus of the fuzzer")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz/Corpus")

    @Test("every input of a target's corpus goes through", arguments: FuzzTarget.allCases)
    func replay(_ target: FuzzTarget) throws {
        let file = Self.folder.appending(path: target.rawValue)
        let inputs = try Corpus(contentsOf: file).inputs
        #expect(!inputs.isEmpty)
        for input in inputs { target.run(input) }
    }

    @Test("changed inputs of the corpus go through", arguments: FuzzTarget.allCases)
    func changed(_ target: FuzzTarget) throws {
        let file = Self.folder.appending(path: target.rawValue)
        var random = Generator(state: 1)
        for input in try Corpus(contentsOf: file).inputs.prefix(100) where !input.isEmpty {
            var changed = input
            for _ in 0..<4 {
                changed[Int.random(in: changed.indices, using: &random)] =
                    UInt8.random(in: 0...255, using: &random)
            }
            target.run(changed)
        }
    }
}

/// A file of inputs, each behind its length of four bytes, big endian.
private struct Corpus {
    var inputs: [[UInt8]] = []

    init(contentsOf file: URL) throws {
        var rest = [UInt8](try Data(contentsOf: file))[...]
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            inputs.append(Array(rest.dropFirst(4).prefix(length)))
            rest = rest.dropFirst(4 + length)
        }
    }
}

/// The same numbers in every run (Steele, Lea and Flood's SplitMix64).
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
