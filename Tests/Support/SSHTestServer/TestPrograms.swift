import Crypto
import NIOCore
import SharedSSH

/// What a test server can run.
///
/// `cat` echoes; `sink` reads all and prints count and SHA-256; `zeros N` prints so many bytes;
/// `both` writes to both streams and exits with 3; `signal` ends by TERM; `hang` never reads and
/// ends with the channel; `late` prints what it read only after EOF; `deaf` says that it reads
/// nothing; `exit N`.
struct TestPrograms {
    let channel: any SessionChannel
    let journal: Journal

    func run(_ command: String) async {
        let words = command.split(separator: " ").map(String.init)
        let number = words.dropFirst().first.flatMap { Int($0) } ?? 0
        do {
            let exit = try await perform(words.first ?? "", number)
            journal.add(.note("\(command): done"))
            await channel.sendEOF()
            await channel.sendExit(exit)
            await channel.close()
        } catch {
            journal.add(.note("\(command): \(error)"))
        }
    }

    private func perform(_ name: String, _ number: Int) async throws -> ProgramExit {
        switch name {
        case "cat": try await cat()
        case "sink": try await sink()
        case "zeros": try await zeros(number)
        case "both":
            try await channel.write(ByteBuffer(string: "to stdout\n"), to: .stdout)
            try await channel.write(ByteBuffer(string: "to stderr\n"), to: .stderr)
            return .status(3)
        case "signal": return .signal(name: "TERM", coreDumped: false, message: "ended")
        case "hang": try await hang()
        case "late": try await late()
        case "deaf": await channel.sendEndOfWrite()
        case "exit": return .status(UInt32(number))
        default: return .status(127)
        }
        return .status(0)
    }

    private func cat() async throws {
        while let bytes = try await channel.read() {
            try await channel.write(bytes, to: .stdout)
        }
    }

    private func sink() async throws {
        var hash = SHA256()
        var count = 0
        while let bytes = try await channel.read() {
            count += bytes.readableBytes
            unsafe bytes.withUnsafeReadableBytes { unsafe hash.update(bufferPointer: $0) }
        }
        let digest = hash.finalize().map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        let line = "\(count) \(digest.joined())\n"
        journal.add(.note("sink \(count)"))
        try await channel.write(ByteBuffer(string: line), to: .stdout)
    }

    private func zeros(_ count: Int) async throws {
        let block = ByteBuffer(repeating: 0, count: 65536)
        var left = count
        while left > 0 {
            var part = block
            let bytes = part.readSlice(length: min(left, block.readableBytes)) ?? block
            try await channel.write(bytes, to: .stdout)
            left -= bytes.readableBytes
        }
    }

    private func hang() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        continuation.finish()
        throw CancellationError()
    }

    private func late() async throws {
        var all = ByteBuffer()
        while let bytes = try await channel.read() { all.writeImmutableBuffer(bytes) }
        try await channel.write(all, to: .stdout)
    }
}
