import ChildProcess
import Foundation
import NIOCore
import Testing

@testable import SharedAge

@Suite("Files in the age format")
struct AgeTests {
    /// Sizes around those of chunks.
    static let sizes = [
        0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000,
    ]

    private func random(_ count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: .min ... .max) })
    }

    private func encrypt(
        _ bytes: ByteBuffer,
        to recipients: [AgeRecipient],
        step: Int = 10_000
    ) throws -> ByteBuffer {
        var encryptor = try AgeEncryptor(to: recipients)
        var (rest, file) = (bytes, ByteBuffer())
        while rest.readableBytes > 0,
            let piece = rest.readSlice(length: min(step, rest.readableBytes))
        {
            file.writeImmutableBuffer(try encryptor.update(piece))
        }
        file.writeImmutableBuffer(try encryptor.finish())
        return file
    }

    private func decrypt(
        _ file: ByteBuffer,
        _ identities: [AgeIdentity],
        step: Int = 7_001
    ) throws -> ByteBuffer {
        var decryptor = AgeDecryptor(identities)
        var (rest, bytes) = (file, ByteBuffer())
        while rest.readableBytes > 0,
            let piece = rest.readSlice(length: min(step, rest.readableBytes))
        {
            bytes.writeImmutableBuffer(try decryptor.feed(piece))
        }
        bytes.writeImmutableBuffer(try decryptor.end())
        return bytes
    }

    @Test("what is encrypted for several is read by each of them", arguments: sizes)
    func roundTrip(_ size: Int) throws {
        let identities = [AgeIdentity(), AgeIdentity(), AgeIdentity()]
        let bytes = random(size)
        let file = try encrypt(bytes, to: identities.map(\.recipient))
        #expect(AgeDecryptor.isAge(file))
        for identity in identities {
            #expect(try decrypt(file, [AgeIdentity(), identity]) == bytes)
        }
        #expect(throws: AgeError.noIdentity) { try decrypt(file, [AgeIdentity()]) }
    }

    @Test("a file that comes byte by byte is read as well")
    func singleBytes() throws {
        let identity = AgeIdentity()
        let file = try encrypt(random(500), to: [identity.recipient], step: 1)
        #expect(try decrypt(file, [identity], step: 1).readableBytes == 500)
    }

    @Test("keys have the text form of age-keygen, and nothing else is one")
    func keys() throws {
        // From BIP 173's alphabet: the checksum finds every misspelling.
        let identity = AgeIdentity()
        let text = identity.recipient.description
        #expect(text.hasPrefix("age1") && text.utf8.count == 62)
        #expect(try AgeRecipient(text) == identity.recipient)
        #expect(identity.secretText.hasPrefix("AGE-SECRET-KEY-1"))
        #expect(try AgeIdentity(identity.secretText).recipient == identity.recipient)
        let file = "# created: today\n# public key: \(text)\n \(identity.secretText) \n\n"
        #expect(try AgeIdentity.all(in: file).map(\.recipient) == [identity.recipient])
        for position in text.utf8.indices {
            var wrong = Array(text.utf8)
            let index = text.utf8.distance(from: text.startIndex, to: position)
            wrong[index] = wrong[index] == UInt8(ascii: "q") ? UInt8(ascii: "p") : UInt8(ascii: "q")
            #expect(throws: AgeError.malformedKey) {
                try AgeRecipient(String(decoding: wrong, as: UTF8.self))
            }
        }
        for wrong in ["", "age1", "age", text.uppercased(), text + "q", identity.secretText] {
            #expect(throws: AgeError.malformedKey) { try AgeRecipient(wrong) }
        }
        for wrong in ["", "# nothing", text, identity.secretText.lowercased()] {
            #expect(throws: AgeError.malformedKey) { try AgeIdentity.all(in: wrong) }
        }
    }

    // MARK: - Hostile files

    @Test("no byte of a file can be changed")
    func flipped() throws {
        let identity = AgeIdentity()
        let file = try encrypt(random(300), to: [identity.recipient, AgeIdentity().recipient])
        for place in 0..<file.readableBytes {
            for bit in [0, 5] {
                var wrong = file
                let byte = file.getInteger(at: place, as: UInt8.self) ?? 0
                wrong.setInteger(byte ^ 1 << UInt8(bit), at: place)
                #expect(throws: AgeError.self) { try decrypt(wrong, [identity], step: 4096) }
            }
        }
    }

    @Test("a file that is cut anywhere is found out", arguments: [0, 300, 65_536, 131_072])
    func truncated(_ size: Int) throws {
        let identity = AgeIdentity()
        let file = try encrypt(random(size), to: [identity.recipient])
        let step = size > 1000 ? 997 : 1
        let chunk = AgeStream.chunk + AgeStream.tag
        let start = file.readableBytes - size - AgeStream.tag * max(1, (size + 65_535) / 65_536)
        var places = Set(stride(from: 0, to: file.readableBytes, by: step))
        places.formUnion([
            start, start + 1, start + chunk, start + chunk + 1, file.readableBytes - 1,
        ])
        for place in places where place < file.readableBytes {
            let wrong = ByteBuffer(bytes: file.readableBytesView.prefix(place))
            #expect(throws: AgeError.self, "cut at \(place)") { try decrypt(wrong, [identity]) }
        }
    }

    @Test("chunks can't be reordered, left out, repeated or added")
    func reordered() throws {
        let identity = AgeIdentity()
        let bytes = random(4 * 65_536)
        let file = Array(try encrypt(bytes, to: [identity.recipient]).readableBytesView)
        let chunk = AgeStream.chunk + AgeStream.tag
        let head = file.count - 4 * chunk
        let chunks = (0..<4).map { Array(file[head + $0 * chunk..<head + ($0 + 1) * chunk]) }
        let orders = [
            [1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2], [0, 1, 2], [1, 2, 3], [0, 1, 2, 3, 3],
            [0, 0, 1, 2, 3], [3],
        ]
        for order in orders {
            let wrong = ByteBuffer(bytes: file[..<head] + order.flatMap { chunks[$0] })
            #expect(throws: AgeError.self, "\(order)") { try decrypt(wrong, [identity]) }
        }
        let longer = ByteBuffer(bytes: file + [0])
        #expect(throws: AgeError.self) { try decrypt(longer, [identity]) }
    }

    @Test("an endless header, and other files, are refused without much memory")
    func hostileHeaders() throws {
        let identity = AgeIdentity()
        let text = AgeHeader.version + String(repeating: "a", count: 256 << 10)
        let endless = ByteBuffer(string: text)
        #expect(throws: AgeError.malformedHeader) { try decrypt(endless, [identity]) }
        let wrong = [
            "", "age-encryption.org/v2\n", "ContainerSSH-Auditlog", AgeHeader.version + "\n",
            AgeHeader.version + "-> X25519\nAA\n--- AA\n", AgeHeader.version + "->\n\n",
            AgeHeader.version + "-> a\n!\n", AgeHeader.version + "---\n",
        ]
        for text in wrong {
            #expect(throws: AgeError.self, "\(text)") {
                try decrypt(ByteBuffer(string: text), [identity])
            }
        }
    }

    // MARK: - The real age

    static let tools = ["/usr/bin/age", "/usr/bin/age-keygen"]
    static let hasAge = tools.allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(
        "age reads what we write, and we what it writes",
        .enabled(if: hasAge, "needs the Debian package age"),
        arguments: sizes
    )
    func realAge(_ size: Int) async throws {
        let folder = URL.temporaryDirectory.appending(path: "berth-age-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        func run(_ tool: String, _ arguments: [String]) async throws {
            let end = try await ChildProcess.run("/usr/bin/" + tool, arguments)
            try #require(end.status == 0, "\(end.errors)")
        }
        try await run("age-keygen", ["-o", path("key")])
        let key = try String(contentsOfFile: path("key"), encoding: .utf8)
        let identity = try #require(try AgeIdentity.all(in: key).first)
        #expect(key.contains("# public key: \(identity.recipient)"))
        let bytes = random(size)
        let data = Data(bytes.readableBytesView)
        let ours = try encrypt(bytes, to: [AgeIdentity().recipient, identity.recipient])
        try Data(ours.readableBytesView).write(to: folder.appending(path: "ours"))
        try await run("age", ["-d", "-i", path("key"), "-o", path("read"), path("ours")])
        // Of nothing age makes no file.
        #expect(FileManager.default.contents(atPath: path("read")) ?? Data() == data)
        try data.write(to: folder.appending(path: "plain"))
        let recipients = ["-r", "\(AgeIdentity().recipient)", "-r", "\(identity.recipient)"]
        try await run("age", recipients + ["-o", path("theirs"), path("plain")])
        let theirs = ByteBuffer(bytes: try Data(contentsOf: folder.appending(path: "theirs")))
        #expect(try decrypt(theirs, [identity]) == bytes)
    }
}
