import NIOCore
import NIOHTTP1

/// Collects a request and performs the scripted answer.
final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let server: StubHTTPServer
    private let connection: Int
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ server: StubHTTPServer, connection: Int) {
        self.server = server
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = ""
        case .body(let bytes):
            body += String(buffer: bytes)
        case .end:
            guard let head else { return }
            perform(server.answer(request(head)), context.channel, isHead: head.method == .HEAD)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func request(_ head: HTTPRequestHead) -> StubRequest {
        let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
        return StubRequest(
            method: head.method.rawValue,
            path: head.uri,
            headers: Dictionary(headers) { $1 },
            body: body,
            connection: connection
        )
    }

    private func perform(_ answer: StubAnswer, _ channel: any Channel, isHead: Bool) {
        switch answer {
        case .late(let milliseconds, let answer):
            let this = NIOLoopBound(self, eventLoop: channel.eventLoop)
            channel.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                this.value.perform(answer, channel, isHead: isHead)
            }
        case .reply(let status, let headers, let body):
            let head = self.head(status, headers, length: body.utf8.count)
            write(isHead ? head : head + body, channel)
        case .silence: break
        case .hangUp: channel.close(promise: nil)
        case .raw(let text): write(text, channel, thenClose: true)
        case .cut(let announced, let body):
            write(head(200, [:], length: announced) + body, channel, thenClose: true)
        case .flood(let count, let size):
            write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", channel)
            flood(channel, count, size)
        }
    }

    private func head(_ status: Int, _ headers: [String: String], length: Int) -> String {
        var text = "HTTP/1.1 \(status) Scripted\r\nContent-Length: \(length)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        return text + "\r\n"
    }

    private func write(_ text: String, _ channel: any Channel, thenClose: Bool = false) {
        channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in
            if thenClose { channel.close(promise: nil) }
        }
    }

    /// One chunk after the other, each when the socket has taken the one before.
    private func flood(_ channel: any Channel, _ count: Int, _ size: Int) {
        guard count > 0 else { return write("0\r\n\r\n", channel) }
        let chunk = String(size, radix: 16) + "\r\n" + String(repeating: "x", count: size) + "\r\n"
        let this = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.writeAndFlush(ByteBuffer(string: chunk)).whenSuccess {
            this.value.server.sentChunk()
            this.value.flood(channel, count - 1, size)
        }
    }
}
