import NIOCore
import Testing

@testable import SharedSSH

@Suite("Channel opens and listen requests on the wire")
struct ForwardWireTests {
    static let origin = ForwardOrigin(host: "192.0.2.7", port: 50_000)

    static let openings: [ChannelOpening] = [
        .session,
        .direct(.tcp(host: "db.example", port: 5432, originator: origin)),
        .direct(.unixSocket(path: "/run/x.sock")),
        .fromServer(.forwardedTCP(host: "", port: 8080, originator: origin)),
        .fromServer(.forwardedUnixSocket(path: "/run/y.sock")),
        .fromServer(.x11(originator: origin)),
        .fromServer(.agent),
    ]

    @Test("every opening survives being written and read", arguments: openings)
    func openingRoundTrip(opening: ChannelOpening) {
        #expect(ChannelOpening(type: opening.type, payload: opening.payload) == opening)
    }

    @Test(
        "an opening with bytes too many, too few, or not UTF-8 does not parse",
        arguments: openings.filter { $0 != .session }
    )
    func malformedOpening(opening: ChannelOpening) {
        var long = opening.payload
        long.writeInteger(UInt8(0))
        #expect(ChannelOpening(type: opening.type, payload: long) == nil)
        guard opening != .fromServer(.agent) else { return }
        for length in 0..<opening.payload.readableBytes {
            var short = opening.payload
            short.moveWriterIndex(to: short.readerIndex + length)
            #expect(ChannelOpening(type: opening.type, payload: short) == nil)
        }
        var wrong = opening.payload
        wrong.setBytes([0, 0, 0, 1, 0xFF], at: wrong.readerIndex)
        #expect(ChannelOpening(type: opening.type, payload: wrong) == nil)
    }

    @Test("direct-tcpip has the bytes of RFC 4254 §7.2")
    func directTCP() {
        let target = ForwardTarget.tcp(
            host: "a",
            port: 80,
            originator: ForwardOrigin(host: "b", port: 513)
        )
        #expect(
            [UInt8](ChannelOpening.direct(target).payload.readableBytesView)
                == [0, 0, 0, 1, 0x61, 0, 0, 0, 80, 0, 0, 0, 1, 0x62, 0, 0, 2, 1]
        )
    }

    @Test("a name longer than any host's or path's does not parse")
    func longName() {
        let path = String(repeating: "x", count: 4097)
        let opening = ChannelOpening.direct(.unixSocket(path: path))
        #expect(ChannelOpening(type: opening.type, payload: opening.payload) == nil)
    }

    static let requests: [ListenRequest] = [
        .begin(.tcp(host: "localhost", port: 0)), .cancel(.tcp(host: "", port: 22)),
        .begin(.unixSocket(path: "/a")), .cancel(.unixSocket(path: "/a")),
    ]

    @Test("every listen request survives being written and read", arguments: requests)
    func requestRoundTrip(request: ListenRequest) {
        #expect(ListenRequest(request.wire) == request)
        #expect(ListenRequest.isKnown(request.wire.type))
    }

    @Test("a listen request with bytes too many or too few does not parse", arguments: requests)
    func malformedRequest(request: ListenRequest) {
        var long = request.wire
        long.payload.writeInteger(UInt8(0))
        #expect(ListenRequest(long) == nil)
        for length in 0..<request.wire.payload.readableBytes {
            var short = request.wire
            short.payload.moveWriterIndex(to: short.payload.readerIndex + length)
            #expect(ListenRequest(short) == nil)
        }
    }

    @Test("the port is told only where it was left open (RFC 4254 §7.1)")
    func successPayload() {
        let open = ListenRequest.begin(.tcp(host: "", port: 0))
        #expect(open.success(port: 4711) == .success(ByteBuffer(integer: UInt32(4711))))
        let fixed = ListenRequest.begin(.tcp(host: "", port: 80))
        #expect(fixed.success(port: 80) == .success(ByteBuffer()))
        #expect(Self.requests[2].success(port: nil) == .success(ByteBuffer()))
    }
}
