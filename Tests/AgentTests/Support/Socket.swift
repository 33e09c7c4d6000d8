import Foundation
import Glibc

/// A socket of the test, non-blocking, with the waiting of `AgentChild`.
final class Socket {
    let descriptor: Int32

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// A listener on the loop-back address, at a port of its own.
    static func listening() throws -> (socket: Socket, port: UInt16) {
        let socket = Socket(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = loopback(0)
        try check(
            unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            },
            "bind"
        )
        try check(listen(socket.descriptor, 16), "listen")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try check(
            unsafe withUnsafeMutablePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe getsockname(socket.descriptor, $0, &length)
                }
            },
            "getsockname"
        )
        return (socket, UInt16(bigEndian: address.sin_port))
    }

    static func connected(port: UInt16) throws -> Socket {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port)
        try check(
            unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            },
            "connect"
        )
        return Socket(socket)
    }

    static func listening(path: String) throws -> Socket {
        let socket = Socket(Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        unsafe try withAddress(path) { unsafe bind(socket.descriptor, $0, $1) }
        try check(listen(socket.descriptor, 16), "listen")
        return socket
    }

    static func connected(path: String) throws -> Socket {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        unsafe try withAddress(path) { unsafe connect(socket, $0, $1) }
        return Socket(socket)
    }

    func accept() throws -> Socket {
        try AgentChild.wait(descriptor, Int16(POLLIN), "nobody connects")
        let connected = Glibc.accept(descriptor, nil, nil)
        try Self.check(connected, "accept")
        return Socket(connected)
    }

    func write(_ text: String) throws {
        let bytes = Array(text.utf8)
        let count = unsafe bytes.withUnsafeBytes {
            unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count == bytes.count else { throw Unexpected(description: "send: errno \(errno)") }
    }

    /// What there is, waiting for the first byte; empty at the end.
    func read() throws -> String {
        String(decoding: try AgentChild.read(descriptor, 1 << 16), as: UTF8.self)
    }

    func readAll() throws -> String {
        String(decoding: try AgentChild.readAll(descriptor), as: UTF8.self)
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withAddress(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            for (index, byte) in path.utf8.prefix(107).enumerated() { unsafe place[index] = byte }
        }
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try check(result, path)
    }

    private static func check(_ result: Int32, _ what: String) throws {
        guard result >= 0 else { throw Unexpected(description: "\(what): errno \(errno)") }
    }
}

/// A folder of a test's own, removed in the end.
final class TestFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "agent-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: self(name))), as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: self(name)))
    }

    /// The permissions of a file.
    func mode(_ name: String) throws -> Int {
        let facts = try FileManager.default.attributesOfItem(atPath: self(name))
        return (facts[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }
}
