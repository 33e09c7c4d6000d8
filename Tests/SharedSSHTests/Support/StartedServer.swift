import NIOCore
import Testing

@testable import SharedSSH

/// A server machine right after its start.
func startedServer() throws -> (TransportMachine, ByteBuffer) {
    var machine = TransportMachine(role: .server, settings: TransportSettings(hostKeys: [.fixed]))
    var out = ByteBuffer()
    try machine.start(into: &out)
    return (machine, out)
}

/// What a server makes of `bytes` right after its start.
func serve(_ bytes: ByteBuffer) throws -> TransportError? {
    var (machine, out) = try startedServer()
    machine.received(bytes)
    do {
        while try machine.nextEvent(into: &out) != nil {}
    } catch {
        #expect(machine.isClosed)
        return error
    }
    return nil
}

/// An unencrypted packet.
func clearPacket(_ payload: [UInt8]) throws -> ByteBuffer {
    var writer = PacketWriter()
    var out = ByteBuffer()
    try writer.write(into: &out) { $0.writeBytes(payload) }
    return out
}
