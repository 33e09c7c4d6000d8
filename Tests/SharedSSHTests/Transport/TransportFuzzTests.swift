import NIOCore
import Testing

@testable import SharedSSH

/// No input in any state traps; every run is bounded and repeats itself from its seed.
@Suite("Random input")
struct TransportFuzzTests {
    private static let rounds = 300

    @Test("random bytes never trap, nor are they taken for a connection")
    func bytes() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<Self.rounds {
            var pair = MachinePair()
            try pair.start()
            var junk =
                Bool.random(using: &random) ? ByteBuffer(string: "SSH-2.0-x\r\n") : ByteBuffer()
            for _ in 0..<Int.random(in: 0..<400, using: &random) {
                junk.writeInteger(UInt8.random(in: 0...255, using: &random))
            }
            feed(&pair, junk, &random)
            #expect(pair.serverFacts == nil)
        }
    }

    @Test("bytes of a true handshake with some changed never trap")
    func changedHandshake() throws {
        var random = SplitMix64(seed: 2)
        for _ in 0..<Self.rounds {
            var pair = MachinePair(
                clientAlgorithms: TransportAlgorithms(keyExchanges: [.curve25519])
            )
            try pair.start()
            // A change is found by one side or the other, or it is in what nobody reads.
            try? exchange(&pair, &random)
        }
    }

    @Test("well-framed random messages never trap before the keys")
    func messagesBefore() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<Self.rounds {
            var (machine, out) = (
                TransportMachine(role: .server, settings: Self.settings), ByteBuffer()
            )
            try machine.start(into: &out)
            machine.received(ByteBuffer(string: "SSH-2.0-x\r\n"))
            var writer = PacketWriter()
            var wire = ByteBuffer()
            for _ in 0..<6 {
                let payload = randomMessage(&random)
                try writer.write(into: &wire) { $0.writeBytes(payload) }
            }
            machine.received(wire)
            drain(&machine, &out)
            #expect(machine.sessionID == nil)
        }
    }

    @Test("well-framed random messages never trap after the keys")
    func messagesAfter() throws {
        var random = SplitMix64(seed: 4)
        for _ in 0..<Self.rounds {
            var pair = try MachinePair.established(
                clientAlgorithms: TransportAlgorithms(keyExchanges: [.curve25519])
            )
            for _ in 0..<20 {
                let payload = randomMessage(&random)
                try pair.client.write(into: &pair.toServer) { $0.writeBytes(payload) }
            }
            feed(&pair, pair.toServer, &random)
        }
    }

    private static let settings = TransportSettings(hostKeys: [.fixed])

    private func randomMessage(_ random: inout SplitMix64) -> [UInt8] {
        let known = MessageNumber.allCases.randomElement(using: &random)?.rawValue ?? 0
        let number = Bool.random(using: &random) ? known : .random(in: 0...255, using: &random)
        let count = Int.random(in: 0..<80, using: &random)
        // Small numbers make lengths that sometimes fit.
        let most: UInt8 = Bool.random(using: &random) ? 3 : 255
        return [number] + (0..<count).map { _ in UInt8.random(in: 0...most, using: &random) }
    }

    private func feed(
        _ pair: inout MachinePair,
        _ bytes: ByteBuffer,
        _ random: inout SplitMix64
    ) {
        var bytes = bytes
        while bytes.readableBytes > 0 {
            let count = Int.random(in: 1...bytes.readableBytes, using: &random)
            guard let part = bytes.readSlice(length: count) else { return }
            pair.server.received(part)
            drain(&pair.server, &pair.toClient)
        }
    }

    /// Errors are what random input should lead to.
    private func drain(_ machine: inout TransportMachine, _ out: inout ByteBuffer) {
        do {
            while try machine.nextEvent(into: &out) != nil {}
        } catch {
            #expect(machine.isClosed)
            machine.disconnect(error.reason, error.text, into: &out)
        }
    }

    private func exchange(_ pair: inout MachinePair, _ random: inout SplitMix64) throws {
        for _ in 0..<6 {
            change(&pair.toServer, &random)
            try pair.deliverToServer()
            change(&pair.toClient, &random)
            try pair.deliverToClient()
        }
    }

    private func change(_ bytes: inout ByteBuffer, _ random: inout SplitMix64) {
        guard bytes.readableBytes > 0, Int.random(in: 0..<3, using: &random) == 0 else { return }
        let position = bytes.readerIndex + Int.random(in: 0..<bytes.readableBytes, using: &random)
        bytes.setInteger(UInt8.random(in: 0...255, using: &random), at: position)
    }
}
