import NIOCore

/// A channel as its owner sees it; the work is done by the connection.
final class ServerChannel: SessionChannel {
    let id: UInt64
    let eventLoop: any EventLoop
    private let number: UInt32
    private let connection: ServerConnection

    init(id: UInt64, number: UInt32, connection: ServerConnection) {
        self.id = id
        self.number = number
        self.connection = connection
        eventLoop = connection.eventLoop
    }

    func read() async throws -> ByteBuffer? {
        try await connection.read(number)
    }

    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws {
        try await connection.write(number, bytes, stream)
    }

    func sendEOF() async {
        await connection.enqueue(number, .eof)
    }

    func sendExit(_ exit: ProgramExit) async {
        await connection.enqueue(number, .exit(exit))
    }

    func sendEndOfWrite() async {
        await connection.sendEndOfWrite(number)
    }

    func close() async {
        await connection.enqueue(number, .close)
    }
}
