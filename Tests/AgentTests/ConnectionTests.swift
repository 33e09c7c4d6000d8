import Foundation
import Glibc
import Testing

/// DIAL and LISTEN.
@Suite struct ConnectionTests {
    private func dial(
        _ gateway: FakeGateway,
        _ family: UInt8,
        _ host: String,
        _ port: UInt16,
        timeout: UInt32 = 10_000
    ) throws -> UInt32 {
        let id = gateway.newID()
        try gateway.send(Kind.dial, id, [family] + string(host) + u16(port) + u32(timeout))
        return id
    }

    private func listen(
        _ gateway: FakeGateway,
        _ family: UInt8,
        _ host: String,
        mode: UInt16 = 0o600
    ) throws -> UInt32 {
        let id = gateway.newID()
        try gateway.send(Kind.listen, id, [family] + string(host) + u16(0) + u16(mode))
        return id
    }

    @Test(
        "a dialled connection carries bytes and half-closes both ways",
        arguments: ["127.0.0.1", "localhost"]
    )
    func dialTCP(_ host: String) throws {
        let gateway = try FakeGateway()
        let (server, port) = try Socket.listening()
        let id = try dial(gateway, 1, host, port)
        try gateway.expect(Kind.opened, id)
        let peer = try server.accept()
        try gateway.write(id, "question")
        try gateway.end(id)
        #expect(try peer.readAll() == "question")
        try peer.write("answer")
        peer.endWriting()
        let outcome = try gateway.collect(id)
        #expect(outcome.text == "answer")
        #expect(outcome.ended == [0])
    }

    @Test("a Unix socket can be dialled")
    func dialUnix() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        let server = try Socket.listening(path: folder("s"))
        let id = try dial(gateway, 2, folder("s"), 0)
        try gateway.expect(Kind.opened, id)
        let peer = try server.accept()
        try peer.write("hi")
        #expect(try gateway.read(id, until: "hi") == "hi")
        try gateway.send(Kind.close, id)
        #expect(try gateway.collect(id).output.isEmpty)
        #expect(try peer.readAll().isEmpty)
    }

    @Test("a slow reader gets what came before END, also when CLOSE follows at once")
    func closeBeforeRead() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        let listener = try listen(gateway, 2, folder("s"))
        try gateway.expect(Kind.listening, listener)
        let peer = try Socket.connected(path: folder("s"))
        let accepted = try gateway.next().id
        let piece = String(repeating: "0123456789abcdef", count: 1000)
        for _ in 0..<60 { try gateway.write(accepted, piece) }
        try gateway.end(accepted)
        try gateway.send(Kind.close, accepted)
        try gateway.checkAlive()
        #expect(try peer.readAll() == String(repeating: piece, count: 60))
        #expect(try gateway.collect(accepted).ended == [0])
        try gateway.checkAlive()
    }

    @Test("CLOSE without END ends a connection at once")
    func closeWithoutEnd() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        let listener = try listen(gateway, 2, folder("s"))
        try gateway.expect(Kind.listening, listener)
        let peer = try Socket.connected(path: folder("s"))
        let accepted = try gateway.next().id
        let piece = String(repeating: "x", count: 16_000)
        for _ in 0..<60 { try gateway.write(accepted, piece) }
        try gateway.send(Kind.close, accepted)
        #expect(try gateway.collect(accepted).ended == [0])
        #expect(try peer.readAll().utf8.count < 60 * 16_000)
    }

    @Test("what cannot be dialled is FAILED with the errno")
    func dialFails() throws {
        let gateway = try FakeGateway()
        let (server, port) = try Socket.listening()
        _ = consume server
        #expect(try gateway.expectFailure(dial(gateway, 1, "127.0.0.1", port)) == ECONNREFUSED)
        #expect(try gateway.expectFailure(dial(gateway, 2, "/not/there", 0)) == ENOENT)
        let long = String(repeating: "x", count: 200)
        #expect(try gateway.expectFailure(dial(gateway, 2, "/" + long, 0)) == ENAMETOOLONG)
        #expect(try gateway.expectFailure(dial(gateway, 7, "x", 0)) == EAFNOSUPPORT)
        let name = try gateway.expectFailure(dial(gateway, 1, "no such name", 1))
        #expect([EADDRNOTAVAIL, EAGAIN].contains(name))
        try gateway.checkAlive()
    }

    @Test(
        "a dial that hangs ends at its deadline, and holds up nothing",
        .enabled(if: getuid() == 0)
    )
    func dialTimesOut() throws {
        // A full backlog of a socket nobody accepts from drops what else comes.
        let gateway = try FakeGateway()
        let folder = try TestFolder()
        let server = try Socket.listening(path: folder("full"))
        var held: [UInt32] = []
        for _ in 0..<17 {
            let id = try dial(gateway, 2, folder("full"), 0)
            try gateway.expect(Kind.opened, id)
            held.append(id)
        }
        let hanging = try dial(gateway, 2, folder("full"), 0, timeout: 300)
        try gateway.checkAlive()
        let failure = try gateway.expectFailure(hanging)
        #expect([ETIMEDOUT, EAGAIN].contains(failure))
        _ = consume server
    }

    @Test("CLOSE gives a dial up")
    func dialGivenUp() throws {
        let gateway = try FakeGateway()
        // TEST-NET-1 (RFC 5737): nobody answers, or the network says at once that it cannot.
        let id = try dial(gateway, 1, "192.0.2.1", 9, timeout: 60_000)
        try gateway.send(Kind.close, id)
        let frame = try gateway.next(about: id)
        #expect(frame.kind == Kind.close || frame.kind == Kind.failed)
        try gateway.checkAlive()
        try until("the dialling process is gone") {
            try CommandLineTests.children(gateway.child.pid).isEmpty
        }
    }

    @Test("a listener at port 0 tells its port and each connection's origin")
    func listenTCP() throws {
        let gateway = try FakeGateway()
        let id = try listen(gateway, 1, "127.0.0.1")
        let port = number16(try gateway.expect(Kind.listening, id).body[...])
        #expect(port != 0)
        for number in 0..<3 {
            let peer = try Socket.connected(port: port)
            let accepted = try gateway.next()
            #expect(accepted.kind == Kind.accepted && accepted.id == UInt32(3 + 2 * number))
            #expect(accepted.number(at: 0) == id)
            #expect(Array(accepted.body[4..<17]) == string("127.0.0.1"))
            #expect(accepted.body.count == 19)
            try gateway.write(accepted.id, "welcome")
            try gateway.end(accepted.id)
            #expect(try peer.readAll() == "welcome")
            try peer.write("bye")
            peer.endWriting()
            #expect(try gateway.collect(accepted.id).text == "bye")
        }
    }

    @Test("CLOSE of a listener leaves its connections")
    func closeListener() throws {
        let gateway = try FakeGateway()
        let id = try listen(gateway, 1, "127.0.0.1")
        let port = number16(try gateway.expect(Kind.listening, id).body[...])
        let peer = try Socket.connected(port: port)
        let accepted = try gateway.next()
        try gateway.send(Kind.close, id)
        try gateway.expect(Kind.close, id)
        #expect(throws: Unexpected.self) { try Socket.connected(port: port) }
        try gateway.write(accepted.id, "still")
        #expect(try peer.read() == "still")
    }

    @Test("a Unix listener has its mode, replaces a stale socket and is removed")
    func listenUnix() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        _ = try Socket.listening(path: folder("s"))
        #expect(try folder.names == ["s"])
        let id = try listen(gateway, 2, folder("s"), mode: 0o620)
        #expect(try gateway.expect(Kind.listening, id).body == [0, 0])
        #expect(try folder.mode("s") == 0o620)
        _ = try Socket.connected(path: folder("s"))
        #expect(try gateway.next().body == u32(id) + string("") + u16(0))
        try gateway.send(Kind.close, id)
        try gateway.expect(Kind.close, id)
        #expect(try folder.names == [])
    }

    @Test("what cannot be bound is FAILED with the errno")
    func listenFails() throws {
        let folder = try TestFolder()
        try folder.write("file", "")
        let gateway = try FakeGateway()
        let live = try Socket.listening(path: folder("live"))
        for path in ["file", "live"] {
            #expect(try gateway.expectFailure(listen(gateway, 2, folder(path))) == EADDRINUSE)
        }
        #expect(try gateway.expectFailure(listen(gateway, 2, folder("no/s"))) == ENOENT)
        #expect(try gateway.expectFailure(listen(gateway, 1, "192.0.2.1")) == EADDRNOTAVAIL)
        _ = consume live
    }

    @Test("sockets in files go with the agent")
    func endRemovesSockets() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        let id = try listen(gateway, 2, folder("s"))
        try gateway.expect(Kind.listening, id)
        gateway.child.closeInput()
        #expect(try gateway.child.end() == 0)
        #expect(try folder.names == [])
    }

    @Test("DATA before OPENED, and for a listener, is a violation")
    func dataTooEarly() throws {
        let gateway = try FakeGateway()
        let id = try listen(gateway, 1, "127.0.0.1")
        try gateway.expect(Kind.listening, id)
        try gateway.write(id, "x")
        #expect(try gateway.expect(Kind.log, 0).body.first == 3)
        #expect(try gateway.child.end() == 1)
    }
}
