import Foundation
import NIOCore
import Testing

@testable import SharedAudit

/// The sample files: made by the original's own tools.
enum Sample {
    static func bytes(_ name: String) throws -> ByteBuffer {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Samples")
        )
        return ByteBuffer(bytes: try Data(contentsOf: url))
    }

    static func text(_ name: String) throws -> String { String(buffer: try bytes(name)) }

    static let recordings = [
        "bad-magic", "bad-version-3", "v1-minimal", "v2-all-types", "v2-boundary-values",
        "v2-exec-io", "v2-failed-login", "v2-forwarding", "v2-minimal", "v2-minimal-terminated",
        "v2-shell-session", "v2-truncated-mid-message", "v2-unknown-type",
    ]

    /// Recordings that the original's encoder wrote.
    static let written = [
        "v2-all-types", "v2-boundary-values", "v2-exec-io", "v2-failed-login", "v2-forwarding",
        "v2-minimal", "v2-shell-session",
    ]

    static let casts = [
        "all-types", "boundary-values", "exec-io", "failed-login", "shell-session",
    ]
}

func decode(_ bytes: ByteBuffer) -> [RecordingDecoder.Item] {
    var decoder = RecordingDecoder()
    return decoder.feed(bytes) + decoder.end()
}

func messages(_ items: [RecordingDecoder.Item]) -> [AuditMessage] {
    items.compactMap { if case .message(let message) = $0 { message } else { nil } }
}

func jsonLines(_ items: [RecordingDecoder.Item]) -> String {
    items.map { $0.jsonLine + "\n" }.joined()
}

/// What is inside the gzip member.
func inflated(_ recording: ByteBuffer) throws -> ByteBuffer {
    var input = recording
    input.moveReaderIndex(forwardBy: BinaryFormat.headerLength)
    var output = ByteBuffer()
    let inflater = try #require(Inflater())
    while inflater.inflate(&input, into: &output) == .hasMore {}
    return output
}

func deflater() throws -> Deflater { try #require(Deflater()) }

/// Repeatable randomness (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
