package import AuditClient
import Crypto
package import NIOCore

/// Chains the hashes of a recording's blocks, so that its last one stands for all of its bytes,
/// their order, their number, and the recording's name. See `docs/audit-evidence.md`.
package struct RecordingChain: Sendable {
    /// What is known of a recording at its end.
    package struct Seal: Sendable, Hashable {
        /// Bytes.
        package var size: UInt64
        /// 64 hexadecimal digits.
        package var hash: String
        /// The hash after each block, 32 bytes each.
        package var links: [UInt8]
    }

    /// Bytes of a block; the last one may be shorter.
    package static let blockSize = 64 << 10
    static let linkLength = 32

    private var hasher: SHA256
    private var inBlock = 0
    private var size: UInt64 = 0
    private var links: [UInt8] = []

    package init(_ id: RecordingID) {
        hasher = SHA256()
        hasher.update(data: SHA256.hash(data: Array("berth-recording-chain-1\n\(id)\n".utf8)).bytes)
    }

    package mutating func update(_ bytes: ByteBuffer) {
        var rest = bytes
        while rest.readableBytes > 0 {
            let count = min(rest.readableBytes, Self.blockSize - inBlock)
            hasher.update(data: rest.readBytes(length: count) ?? [])
            inBlock += count
            size += UInt64(count)
            if inBlock == Self.blockSize { endBlock() }
        }
    }

    /// Bytes that were taken.
    package var length: UInt64 { size }

    /// Whole blocks so far.
    package var blocks: Int { links.count / Self.linkLength }

    /// The hash after the last whole block, as in a ledger; empty before the first.
    package var lastLink: String { links.suffix(Self.linkLength).hex }

    /// What the hash after that many blocks is; `nil` where there are not so many.
    static func link(after blocks: UInt64, in links: [UInt8]) -> String? {
        guard blocks > 0, blocks <= UInt64(links.count / linkLength) else { return nil }
        let end = Int(blocks) * linkLength
        return links[(end - linkLength)..<end].hex
    }

    package mutating func finish() -> Seal {
        if inBlock > 0 { endBlock() }
        hasher.update(data: Array("\(size)".utf8))
        return Seal(size: size, hash: hasher.finalize().bytes.hex, links: links)
    }

    private mutating func endBlock() {
        let link = hasher.finalize().bytes
        links += link
        hasher = SHA256()
        hasher.update(data: link)
        inBlock = 0
    }
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }
}

extension Array<UInt8> {
    /// Takes lower-case hexadecimal digits only, so that a value has one spelling.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count % 2 == 0 else { return nil }
        self = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1])
            else { return nil }
            append(high << 4 | low)
        }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}

extension SHA256Digest {
    package var bytes: [UInt8] { Array(self) }
}
