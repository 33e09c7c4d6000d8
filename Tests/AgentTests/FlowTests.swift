import Glibc
import Testing

/// Windows and back-pressure.
@Suite struct FlowTests {
    @Test("output stops at the window and goes on with WINDOW")
    func stopsAtWindow() throws {
        let gateway = try FakeGateway(window: 10_000)
        gateway.givesWindow = false
        let program = try gateway.start(.shell("head -c 30000 /dev/zero"))
        var count = try read(gateway, program.id, 10_000)
        #expect(count == 10_000)
        try gateway.checkAlive()
        try gateway.giveWindow(program.id, 1, 20_000)
        count = try read(gateway, program.id, 20_000)
        #expect(count == 20_000)
        #expect(try gateway.collect(program.id).output.isEmpty)
    }

    /// Reads so many bytes of channel 1, in frames.
    private func read(_ gateway: FakeGateway, _ id: UInt32, _ most: Int) throws -> Int {
        var count = 0
        while count < most {
            let frame = try gateway.next(about: id)
            if frame.kind == Kind.data { count += frame.body.count - 1 }
        }
        return count
    }

    @Test("a reader that is slow with one program does not hold up another")
    func slowReader() throws {
        let gateway = try FakeGateway(window: 65_536)
        gateway.givesWindow = false
        let slow = try gateway.start(.shell("cat /dev/zero"))
        #expect(try read(gateway, slow.id, 65_536) == 65_536)
        for _ in 0..<20 {
            let other = try gateway.start(Start("echo", "quick"))
            #expect(try gateway.collect(other.id).text == "quick\n")
        }
        try gateway.send(Kind.kill, slow.id)
        #expect(try gateway.collect(slow.id).output.isEmpty)
    }

    @Test("a program that does not read holds up only its own input")
    func slowProgram() throws {
        let gateway = try FakeGateway(window: 1 << 20)
        let slow = try gateway.start(.shell("read line; cat >/dev/null"))
        for _ in 0..<16 {
            try gateway.send(Kind.data, slow.id, [0] + [UInt8](repeating: 0, count: 65_536))
        }
        let other = try gateway.start(Start("cat"))
        try gateway.write(other.id, "through")
        try gateway.end(other.id)
        #expect(try gateway.collect(other.id).text == "through")
        try gateway.send(Kind.kill, slow.id)
        _ = try gateway.collect(slow.id)
    }

    @Test("16 MiB go through a program both ways unchanged")
    func bulk() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(Start("cat"))
        let whole = (0..<16 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
        var sent = 0
        var window = 1 << 20
        var received: [UInt8] = []
        received.reserveCapacity(whole.count)
        while received.count < whole.count {
            while sent < whole.count, window > 0 {
                let count = min(50_000, window, whole.count - sent)
                try gateway.send(Kind.data, program.id, [0] + whole[sent..<sent + count])
                sent += count
                window -= count
            }
            let frame = try gateway.next(about: program.id)
            switch frame.kind {
            case Kind.data: received += frame.body.dropFirst()
            case Kind.window: window += Int(frame.number(at: 1))
            default: throw Unexpected(description: "\(frame)")
            }
        }
        #expect(received == whole)
        try gateway.end(program.id)
        #expect(try gateway.collect(program.id).exit?.number == 0)
    }

    @Test("a gateway that asks without reading is not read any more")
    func floodedWithPings() throws {
        let gateway = try FakeGateway()
        let ping = Frame(kind: Kind.ping, id: 0, body: [UInt8](repeating: 1, count: 64)).bytes
        let many = [[UInt8]](repeating: ping, count: 1000).flatMap { $0 }
        let flags = fcntl(gateway.child.output, F_GETFL)
        #expect(flags >= 0)
        // Until its input takes nothing for a while: its memory is bounded.
        var sent = 0
        while sent < 64 << 20, try gateway.child.writeSome(many) { sent += many.count }
        #expect(sent < 16 << 20)
        let memory = try gateway.child.residentKiB()
        #expect(memory < 16 * 1024, "\(memory) KiB")
    }
}
