import NIOCore
import SharedSSH
import Synchronization

/// The client's end of a session: reads everything, writes nothing.
final class SimulatedChannel: SessionChannel {
    let id: UInt64
    let eventLoop: any EventLoop
    private let output = Mutex("")

    init(id: UInt64, eventLoop: any EventLoop) {
        self.id = id
        self.eventLoop = eventLoop
    }

    /// What the person was shown.
    var text: String { output.withLock { $0 } }

    func read() async throws -> ByteBuffer? { nil }

    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws {
        output.withLock { $0 += String(buffer: bytes) }
    }

    func sendEOF() async {}
    func sendEndOfWrite() async {}
    func sendExit(_ exit: ProgramExit) async {}
    func close() async {}
}

/// The connection as its layers may end it.
final class SimulatedControl: ServerConnectionControl {
    private let ends = Mutex<ServerRefusal?>(nil)

    /// Why the connection was ended, if it was.
    var refusal: ServerRefusal? { ends.withLock { $0 } }

    var traffic: ConnectionTraffic { ConnectionTraffic() }

    func disconnect(_ refusal: ServerRefusal) { ends.withLock { $0 = $0 ?? refusal } }
    func banner(_ text: String) {}
    func notify(_ text: String) {}

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        throw ChannelClosed()
    }
}
