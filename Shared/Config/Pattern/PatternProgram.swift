/// A pattern as a non-deterministic automaton over bytes.
///
/// All threads advance together, one byte at a time, so that the time is at most the number of
/// states times the length of the text.
struct PatternProgram: Sendable, Hashable {
    enum State: Sendable, Hashable {
        /// Goes on with `next` when the byte is in the set.
        case byte(ByteSet, next: Int)
        /// Goes on with both, without a byte.
        case split(Int, Int)
        case accept
    }

    /// More would let one long text keep an event loop busy.
    static let mostStates = 256

    private(set) var states: [State] = []
    var start = 0
    /// Parts built so far: repeating nothing makes no states but takes time.
    private var parts = 0

    func matches(_ text: some Sequence<UInt8>) -> Bool {
        var current = Threads(states.count)
        var following = Threads(states.count)
        follow(start, &current)
        for byte in text {
            following.clear()
            for index in current.list {
                guard case .byte(let set, let next) = states[index], set.contains(byte) else {
                    continue
                }
                follow(next, &following)
            }
            swap(&current, &following)
            if current.list.isEmpty { return false }
        }
        return current.list.contains { states[$0] == .accept }
    }

    /// Counts a part that is built, repeated ones each time.
    mutating func countPart() throws(PatternError) {
        parts += 1
        guard parts <= 16 * Self.mostStates else { throw Self.tooLarge }
    }

    private static var tooLarge: PatternError {
        PatternError("must be a smaller pattern: at most \(mostStates) steps")
    }

    /// Adds a state and returns its number.
    mutating func add(_ state: State) throws(PatternError) -> Int {
        guard states.count < Self.mostStates else { throw Self.tooLarge }
        states.append(state)
        return states.count - 1
    }

    /// Replaces a split that was added before its target was known.
    mutating func set(_ index: Int, _ state: State) { states[index] = state }

    private func follow(_ first: Int, _ threads: inout Threads) {
        var pending = [first]
        while let index = pending.popLast() {
            guard threads.insert(index) else { continue }
            if case .split(let left, let right) = states[index] {
                pending.append(right)
                pending.append(left)
            }
        }
    }
}

/// A set of state numbers that is cheap to empty.
private struct Threads {
    private(set) var list: [Int] = []
    private var isIn: [Bool]

    init(_ count: Int) { isIn = Array(repeating: false, count: count) }

    mutating func insert(_ index: Int) -> Bool {
        guard !isIn[index] else { return false }
        isIn[index] = true
        list.append(index)
        return true
    }

    mutating func clear() {
        for index in list { isIn[index] = false }
        list.removeAll(keepingCapacity: true)
    }
}

/// 256 bits, one for each value of a byte.
struct ByteSet: Sendable, Hashable {
    private var words: SIMD4<UInt64> = .zero

    static let any = ByteSet().inverted

    init() {}

    init(_ byte: UInt8) { insert(byte) }

    init(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    init(ascii text: String) {
        for byte in text.utf8 { insert(byte) }
    }

    var inverted: ByteSet {
        var result = self
        result.words = ~words
        return result
    }

    func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0
    }

    mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    mutating func formUnion(_ other: ByteSet) { words |= other.words }
}
