import Foundation
import Glibc
import Testing

/// Streams that a generator spoils, given to the real agent: it may refuse them, but neither crash
/// nor hang. `make fuzz` runs more of them.
///
/// The agent is embedded Swift, which libFuzzer cannot be linked with. It runs as nobody, without a
/// network and in a folder of its own, since a spoiled stream may ask for anything.
@Suite(.enabled(if: getuid() == 0, "needs root to lock the agent in")) struct FuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["BERTH_FUZZ_AGENT_COUNT"].flatMap { Int($0) } ?? 150
    private static let seed =
        environment["BERTH_FUZZ_AGENT_SEED"].flatMap { UInt64($0) } ?? 20_260_101

    @Test("spoiled streams neither crash nor hang the agent", arguments: Session.allCases)
    func spoiled(_ session: Session) throws {
        let folder = try TestFolder()
        let copy = try AgentChild.run([AgentChild.path, folder("agent")], program: "/bin/cp")
        #expect(copy.status == 0)
        unsafe chmod(folder.path, 0o777)
        var generator = Generator(state: Self.seed &+ UInt64(session.arguments[0].count))
        let whole = session.stream
        #expect(try run(session, whole, folder) == 0, "the stream before it is spoiled")
        for number in 0..<Self.count {
            let stream = generator.spoil(whole)
            let status = try run(session, stream, folder)
            guard status != 0, status != 1 else { continue }
            try Self.keep(stream, "\(session)-\(number)")
            Issue.record("status \(status) after \(stream.map { String($0, radix: 16) })")
        }
    }

    private func run(_ session: Session, _ stream: [UInt8], _ folder: TestFolder) throws -> Int32 {
        try AgentChild.run(
            ["-n", "chroot", "--userspec=65534:65534", folder.path, "/agent"] + session.arguments,
            input: stream,
            program: "/usr/bin/unshare"
        ).status
    }

    /// A finding stays where `make fuzz` looks.
    private static func keep(_ stream: [UInt8], _ name: String) throws {
        guard let folder = environment["BERTH_FUZZ_FINDINGS"] else { return }
        try Data(stream).write(to: URL(filePath: folder).appending(path: "agent-\(name)"))
    }

    /// What is spoiled.
    enum Session: CaseIterable {
        case frames, sftp, scp, forwarding

        var arguments: [String] {
            switch self {
            case .frames: ["init"]
            case .sftp: ["sftp-server"]
            case .scp: ["scp", "-r", "-p", "-t", "/"]
            case .forwarding: ["forward-server"]
            }
        }

        var stream: [UInt8] {
            switch self {
            case .frames: Self.frameStream
            case .sftp: Self.sftpStream
            case .scp:
                Array("T1 0 2 0\nD0755 0 d\nT1 0 2 0\nC0644 5 f\nhello\0E\nC0600 0 g\n\0".utf8)
            case .forwarding: Self.forwardStream
            }
        }

        private static var frameStream: [UInt8] {
            var terminal = Start("/agent", "version")
            terminal.environment = ["A=B", "C=D"]
            terminal.folder = "/"
            terminal.terminal = (80, 24)
            terminal.modes = [53] + u32(0) + [1] + u32(3) + [0]
            let frames = [
                hello(window: 65_536), Frame(kind: Kind.ping, id: 0, body: [1, 2]),
                Frame(kind: Kind.start, id: 2, body: terminal.body),
                Frame(kind: Kind.data, id: 2, body: [0, 65, 66]),
                Frame(kind: Kind.resize, id: 2, body: u32(100) + u32(30) + u32(0) + u32(0)),
                Frame(kind: Kind.start, id: 4, body: Start("/agent", "init").body),
                Frame(kind: Kind.data, id: 4, body: [0] + hello().bytes),
                Frame(kind: Kind.window, id: 4, body: [1] + u32(1000)),
                Frame(kind: Kind.signal, id: 4, body: string("USR2")),
                Frame(kind: Kind.end, id: 4, body: [0]),
                Frame(kind: Kind.writeFile, id: 6, body: string("/a/b") + u32(0o600)),
                Frame(kind: Kind.data, id: 6, body: [0, 1, 2, 3]),
                Frame(kind: Kind.end, id: 6, body: [0]),
                Frame(kind: Kind.listen, id: 8, body: [2] + string("/s") + u16(0) + u16(0o600)),
                Frame(kind: Kind.dial, id: 10, body: [2] + string("/s") + u16(0) + u32(100)),
                Frame(kind: Kind.dial, id: 12, body: [1] + string("127.0.0.1") + u16(9) + u32(100)),
                Frame(kind: Kind.close, id: 8), Frame(kind: Kind.kill, id: 2),
                Frame(kind: Kind.close, id: 4),
            ]
            return frames.flatMap(\.bytes)
        }

        private static var sftpStream: [UInt8] {
            var request: UInt32 = 0
            func packet(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
                request += 1
                return string([kind] + u32(request) + body)
            }
            let handle: [UInt8] = string([0, 0, 0, 0])
            let long: [UInt8] = u32(0) + u32(1)
            let packets: [[UInt8]] = [
                string([1] + u32(3)),
                packet(3, string("/f") + u32(0x1A) + u32(4) + u32(0o644)),
                packet(6, handle + long + string("content")), packet(5, handle + long + u32(100)),
                packet(8, handle), packet(10, handle + u32(1) + long), packet(4, handle),
                packet(7, string("/f")), packet(17, string("/f")), packet(11, string("/")),
                packet(12, string([0, 0, 0, 1])), packet(12, string([0, 0, 0, 1])),
                packet(4, string([0, 0, 0, 1])), packet(14, string("/d") + u32(0)),
                packet(9, string("/f") + u32(12) + u32(0o600) + u32(5) + u32(6)),
                packet(18, string("/f") + string("/g")), packet(20, string("a") + string("/l")),
                packet(19, string("/l")), packet(16, string(".")), packet(15, string("/d")),
                packet(200, string("statvfs@openssh.com") + string("/")),
                packet(200, string("limits@openssh.com")),
                packet(200, string("expand-path@openssh.com") + string("~/x")),
                packet(200, string("hardlink@openssh.com") + string("/g") + string("/h")),
                packet(13, string("/g")),
            ]
            return packets.flatMap { $0 }
        }

        private static var forwardStream: [UInt8] {
            func text(_ text: String) -> [UInt8] {
                (text.utf8.count < 24
                    ? [0x60 | UInt8(text.utf8.count)] : [0x78, UInt8(text.utf8.count)])
                    + Array(text.utf8)
            }
            func packet(_ kind: UInt8, _ id: UInt8, _ payload: [UInt8]) -> [UInt8] {
                [0xA3] + text("Type") + [kind] + text("ConnectionId") + [id] + text("Payload")
                    + (payload.isEmpty ? [0xF6] : [0x58, UInt8(payload.count)] + payload)
            }
            let setup: [UInt8] =
                [0xA8] + text("ConnectionType") + [4] + text("BindHost") + text("/s")
                + text("BindPort") + [0] + text("Protocol") + text("unix") + text("Screen")
                + text("0") + text("SingleConnection") + [0xF4] + text("AuthProtocol") + text("")
                + text("AuthCookie") + text("")
            let target: [UInt8] =
                [0xA5] + text("Protocol") + text("unix") + text("ConnectedAddress") + text("/s")
                + text("ConnectedPort") + [0] + text("OriginatorAddress") + text("")
                + text("OriginatorPort") + [0x19, 0xC3, 0x50]
            return packet(0, 0, setup) + packet(4, 1, target) + packet(3, 1, [1, 2, 3])
                + packet(5, 1, []) + packet(6, 0, [])
        }
    }
}

/// The same streams for the same seed (SplitMix64).
private struct Generator {
    var state: UInt64

    mutating func next(_ limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ mixed >> 31) % UInt64(max(limit, 1)))
    }

    mutating func spoil(_ whole: [UInt8]) -> [UInt8] {
        var stream = whole
        for _ in 0...next(4) { spoilOnce(&stream) }
        return stream
    }

    private mutating func spoilOnce(_ stream: inout [UInt8]) {
        guard !stream.isEmpty else { return }
        let place = next(stream.count)
        let length = min(1 + next(32), stream.count - place)
        switch next(8) {
        case 0: stream[place] ^= 1 << UInt8(next(8))
        case 1: stream[place] = UInt8(next(256))
        case 2: stream.insert(UInt8(next(256)), at: place)
        case 3: stream.removeSubrange(place..<place + length)
        case 4: stream.insert(contentsOf: stream[place..<place + length], at: next(stream.count))
        case 5: stream.removeLast(next(stream.count / 2))
        case 6:
            let odd: [UInt8] = [0, 1, 4, 5, 0x7F, 0x80, 0xFE, 0xFF]
            for at in place..<min(place + 4, stream.count) { stream[at] = odd[next(odd.count)] }
        default: stream.swapAt(place, next(stream.count))
        }
    }
}
