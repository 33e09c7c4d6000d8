import Foundation
import Glibc
import Testing

/// WRITE_FILE.
@Suite struct FileTests {
    private func open(_ gateway: FakeGateway, _ path: String, mode: UInt32) throws -> UInt32 {
        let id = gateway.newID()
        try gateway.send(Kind.writeFile, id, string(path) + u32(mode))
        return id
    }

    @Test("a file gets its content, mode and folders")
    func whole() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway(window: 65_536)
        let id = try open(gateway, folder("a/b"), mode: 0o640)
        for letter in ["x", "y", "z"] {
            try gateway.write(id, String(repeating: letter, count: 30_000))
            #expect(try gateway.expect(Kind.window, id).number(at: 1) == 30_000)
        }
        try gateway.end(id)
        try gateway.expect(Kind.written, id)
        #expect(try folder.text("a/b").count == 90_000)
        #expect(try folder.mode("a/b") == 0o640)
        #expect(try folder.names == ["a"])
    }

    @Test("an empty file is one too, and several are written at a time")
    func several() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        let ids = try (0..<5).map { try open(gateway, folder("f\($0)"), mode: 0o600) }
        for id in ids.reversed() {
            try gateway.end(id)
            try gateway.expect(Kind.written, id)
        }
        #expect(try folder.names.count == 5)
    }

    @Test("CLOSE leaves nothing, and the end of the gateway neither")
    func givenUp() throws {
        let folder = try TestFolder()
        let gateway = try FakeGateway()
        let first = try open(gateway, folder("f"), mode: 0o600)
        try gateway.write(first, "x")
        try gateway.send(Kind.close, first)
        try gateway.expect(Kind.window, first)
        try gateway.expect(Kind.close, first)
        #expect(try folder.names == [])
        _ = try open(gateway, folder("g"), mode: 0o600)
        try gateway.checkAlive()
        #expect(try folder.names.count == 1)
        gateway.child.closeInput()
        #expect(try gateway.child.end() == 0)
        #expect(try folder.names == [])
    }

    @Test(
        "what cannot be written is FAILED with the errno",
        arguments: [
            ("relative", EINVAL), ("/dev/null/x", ENOTDIR), ("/proc/x/y", ENOENT), ("/", EISDIR),
        ]
    )
    func refused(_ path: String, _ code: Int32) throws {
        let gateway = try FakeGateway()
        let id = try open(gateway, path, mode: 0o600)
        #expect(try gateway.expectFailure(id) == code)
        try gateway.write(id, "x")
        try gateway.end(id)
        try gateway.checkAlive()
    }

    @Test("a full disk is FAILED at the end")
    func full() throws {
        let gateway = try FakeGateway()
        let id = try open(gateway, "/dev/full", mode: 0o600)
        try gateway.write(id, "x")
        try gateway.expect(Kind.window, id)
        try gateway.end(id)
        #expect(try gateway.expectFailure(id) == ENOSPC)
    }
}
