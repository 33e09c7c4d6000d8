/// The parts of a pattern as they are written.
indirect enum PatternNode: Sendable, Hashable {
    case byte(ByteSet)
    case sequence([PatternNode])
    case either([PatternNode])
    /// From `least` to `most` times; `nil`: without end.
    case repeated(PatternNode, Int, Int?)

    /// The automaton for the whole text.
    func program() throws(PatternError) -> PatternProgram {
        var program = PatternProgram()
        let accept = try program.add(.accept)
        program.start = try build(&program, next: accept)
        return program
    }

    /// Builds from the end: returns the state to begin with so that `next` follows.
    private func build(_ program: inout PatternProgram, next: Int) throws(PatternError) -> Int {
        try program.countPart()
        switch self {
        case .byte(let set): return try program.add(.byte(set, next: next))
        case .sequence(let nodes):
            var next = next
            for node in nodes.reversed() { next = try node.build(&program, next: next) }
            return next
        case .either(let nodes):
            var start = try (nodes.last ?? .sequence([])).build(&program, next: next)
            for node in nodes.dropLast().reversed() {
                let other = try node.build(&program, next: next)
                start = try program.add(.split(other, start))
            }
            return start
        case .repeated(let node, let least, let most):
            return try Self.build(node, least, most, &program, next: next)
        }
    }

    private static func build(
        _ node: PatternNode,
        _ least: Int,
        _ most: Int?,
        _ program: inout PatternProgram,
        next: Int
    ) throws(PatternError) -> Int {
        var start = next
        if let most {
            for _ in least..<most {
                let once = try node.build(&program, next: start)
                start = try program.add(.split(once, next))
            }
        } else {
            let loop = try program.add(.split(next, next))
            program.set(loop, .split(try node.build(&program, next: loop), next))
            start = loop
        }
        for _ in 0..<least { start = try node.build(&program, next: start) }
        return start
    }
}
