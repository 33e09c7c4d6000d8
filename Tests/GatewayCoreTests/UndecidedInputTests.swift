import NIOCore
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Typed bytes that a terminal may hide")
struct UndecidedInputTests {
    private func bytes(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test("before anybody watches, bytes are recorded as they come")
    func unwatched() {
        var input = UndecidedInput()
        #expect(input.add(bytes("ls\r")) == bytes("ls\r"))
        #expect(input.end() == nil)
    }

    @Test("what the terminal hides becomes stars, what it shows stays, however it was cut")
    func decided() {
        var input = UndecidedInput()
        input.begin()
        #expect(input.add(bytes("sudo ls\rhunt")) == nil)
        #expect(input.add(bytes("er2\rx")) == nil)
        #expect(input.decide(TypedInput(count: 8, isHidden: false)) == bytes("sudo ls\r"))
        #expect(input.decide(TypedInput(count: 2, isHidden: true)) == bytes("**"))
        #expect(input.decide(TypedInput(count: 6, isHidden: true)) == bytes("*****\r"))
        #expect(input.decide(TypedInput(count: 1, isHidden: false)) == bytes("x"))
        #expect(input.decide(TypedInput(count: 9, isHidden: false)) == nil)
    }

    @Test("what no terminal ever took counts as hidden")
    func untaken() {
        var input = UndecidedInput()
        input.begin()
        _ = input.add(bytes("pw\n"))
        #expect(input.end() == bytes("**\n"))
        #expect(input.decide(TypedInput(count: 3, isHidden: false)) == nil)
        #expect(input.end() == nil)
    }

    @Test("beyond the limit the oldest bytes are hidden, and later ones keep their place")
    func limit() {
        var input = UndecidedInput()
        input.begin()
        #expect(input.add(ByteBuffer(repeating: 65, count: UndecidedInput.limit)) == nil)
        #expect(input.add(bytes("bc")) == bytes("**"))
        let rest = input.decide(TypedInput(count: UndecidedInput.limit, isHidden: false))
        #expect(rest == ByteBuffer(repeating: 65, count: UndecidedInput.limit - 2))
        #expect(input.decide(TypedInput(count: 2, isHidden: false)) == bytes("bc"))
    }

    @Test("shown bytes are never hidden and hidden ones never shown", arguments: 1...200)
    func property(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        var input = UndecidedInput()
        input.begin()
        var (typed, told, recorded, expected) = ([UInt8](), 0, [UInt8](), [UInt8]())
        for _ in 0..<300 {
            if Bool.random(using: &random) {
                let more = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                    UInt8.random(in: 43...126, using: &random)
                }
                typed += more
                #expect(input.add(ByteBuffer(bytes: more)) == nil)
            } else if told < typed.count {
                let count = Int.random(in: 1...(typed.count - told), using: &random)
                let isHidden = Bool.random(using: &random)
                expected += typed[told..<told + count].map { isHidden ? 42 : $0 }
                told += count
                let now = input.decide(TypedInput(count: count, isHidden: isHidden))
                recorded += now.map { Array($0.readableBytesView) } ?? []
            }
        }
        recorded += input.end().map { Array($0.readableBytesView) } ?? []
        expected += [UInt8](repeating: 42, count: typed.count - told)
        #expect(recorded == expected)
    }
}

/// Numbers that a seed repeats.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
