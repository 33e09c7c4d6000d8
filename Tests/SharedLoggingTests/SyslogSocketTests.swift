import Foundation
import Glibc
import SharedConfig
import SharedMessages
import Testing

@testable import SharedLogging

@Suite("Syslog sockets")
struct SyslogSocketTests {
    @Test("lines arrive at a Unix stream socket, at a Unix datagram socket and over UDP")
    func kinds() async throws {
        try await withFolder { folder in
            let servers = try [
                SyslogServer(.unixStream(folder.appending(path: "stream").path)),
                SyslogServer(.unixDatagram(folder.appending(path: "datagram").path)),
                SyslogServer(.udp),
            ]
            for server in servers {
                let writer = try LogWriter(server.settings)
                writer.write(record("one"))
                writer.write(record("two"))
                #expect(writer.flush(within: .seconds(90)))
                let lines = try server.receive(lines: 2)
                #expect(lines == ["one", "two"].map { "<37>Jan  1 00:00:00 berth: \($0)" })
            }
        }
    }

    @Test("a syslog daemon that starts anew gets the next line", arguments: [true, false])
    func restart(stream: Bool) async throws {
        try await withFolder { folder in
            let path = folder.appending(path: "log").path
            let kind = stream ? SyslogServer.Kind.unixStream(path) : .unixDatagram(path)
            let first = try SyslogServer(kind)
            let writer = try LogWriter(first.settings)
            writer.write(record("before"))
            #expect(writer.flush(within: .seconds(90)))
            _ = try first.receive(lines: 1)
            first.stop()
            unsafe unlink(path)
            let second = try SyslogServer(kind)
            writer.write(record("after"))
            #expect(writer.flush(within: .seconds(90)))
            #expect(try second.receive(lines: 1).last?.hasSuffix("after") == true)
        }
    }

    @Test(
        "a destination that cannot be reached is refused at the start",
        arguments: [
            "/nonexistent/log", "nonsense", "127.0.0.1:notaport",
            "/" + String(repeating: "x", count: 200),
        ]
    )
    func unreachable(destination: String) {
        let settings = LogSettings(destination: .syslog(SyslogSettings(destination: destination)))
        let error = #expect(throws: CodedError.self) { _ = try LogWriter(settings) }
        #expect(error?.code == .logFileOpenFailed)
        #expect(error?.detail.hasPrefix(destination) == true)
    }
}

/// A syslog daemon on a real socket that hands out what it received.
final class SyslogServer {
    enum Kind {
        case unixStream(String)
        case unixDatagram(String)
        case udp
    }

    private let kind: Kind
    private var listener: Int32
    private var connection: Int32 = -1

    init(_ kind: Kind) throws {
        self.kind = kind
        listener = try Self.bound(kind)
        if case .unixStream = kind { try #require(listen(listener, 4) == 0) }
    }

    deinit { stop() }

    func stop() {
        for socket in [listener, connection] where socket >= 0 { close(socket) }
        listener = -1
        connection = -1
    }

    var settings: LogSettings {
        let destination =
            switch kind {
            case .unixStream(let path), .unixDatagram(let path): path
            case .udp: "127.0.0.1:\(port)"
            }
        let syslog = SyslogSettings(destination: destination)
        return LogSettings(level: .debug, format: .text, destination: .syslog(syslog))
    }

    /// The next lines, at most 20 s waited for.
    func receive(lines count: Int) throws -> [String] {
        if case .unixStream = kind, connection < 0 {
            try waitUntilReadable(listener)
            connection = accept(listener, nil, nil)
        }
        let socket = connection >= 0 ? connection : listener
        var text = ""
        while text.count(where: { $0 == "\n" }) < count {
            try waitUntilReadable(socket)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let received = unsafe recv(socket, &buffer, buffer.count, 0)
            try #require(received > 0)
            text += String(decoding: buffer.prefix(received), as: UTF8.self)
        }
        return text.split(separator: "\n").map(String.init)
    }

    private func waitUntilReadable(_ socket: Int32) throws {
        var question = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&question, 1, 20_000) == 1)
    }

    private var port: UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(listener, $0, &length)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func bound(_ kind: Kind) throws -> Int32 {
        switch kind {
        case .unixStream(let path): try unix(path, SOCK_STREAM)
        case .unixDatagram(let path): try unix(path, SOCK_DGRAM)
        case .udp: try udp()
        }
    }

    private static func unix(_ path: String, _ type: __socket_type) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: Array(path.utf8))
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let status = unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, size)
            }
        }
        try #require(status == 0)
        return descriptor
    }

    private static func udp() throws -> Int32 {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, size)
            }
        }
        try #require(status == 0)
        return descriptor
    }
}
