import NIOCore

extension SplitMix64 {
    /// One of `messages`, often whole, else with bytes changed, cut off, or repeated; now and
    /// then nothing but noise.
    mutating func mutated(_ messages: [ByteBuffer]) -> ByteBuffer {
        guard Int.random(in: 0..<20, using: &self) > 0,
            let message = messages.randomElement(using: &self)
        else {
            let noise = (0..<Int.random(in: 1..<64, using: &self)).map { _ in
                UInt8.random(in: 0...255, using: &self)
            }
            return ByteBuffer(bytes: noise)
        }
        var bytes = [UInt8](message.readableBytesView)
        switch Int.random(in: 0..<5, using: &self) {
        case 0, 1: break
        case 2: change(&bytes)
        case 3: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &self))
        default: bytes += bytes
        }
        return ByteBuffer(bytes: bytes)
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let place = Int.random(in: 0..<bytes.count, using: &self)
            let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &self)]
            bytes[place] = edges.randomElement(using: &self) ?? 0
        }
    }
}
