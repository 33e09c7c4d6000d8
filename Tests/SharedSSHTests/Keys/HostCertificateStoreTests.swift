import Foundation
import Testing

@testable import SharedSSH

@Suite("The host certificate store", .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen"))
struct HostCertificateStoreTests {
    private static let now = UInt64(Date().timeIntervalSince1970)

    private func load(_ made: HostCertificates, _ entry: String, key: String = "host") throws
        -> [HostCertificateStore.Entry]
    {
        try HostCertificateStore.load(
            entries: [entry],
            hostKeys: [try made.key(key).publicKey],
            now: Self.now
        )
    }

    @Test(
        "a certificate is a file or a text, of any type of key",
        arguments: [
            ("ed25519", []), ("ecdsa", ["-b", "256"]), ("ecdsa", ["-b", "384"]),
            ("ecdsa", ["-b", "521"]),
            ("rsa", ["-b", "2048"]),
        ] as [(String, [String])]
    )
    func fileOrText(_ type: String, _ more: [String]) throws {
        try withTemporaryFolder { folder in
            let made = try HostCertificates(folder)
            try runTool(["ssh-keygen", "-q", "-N", "", "-t", type, "-f", "\(folder)/host"] + more)
            let path = try made.certify("host", "-h", "-n", "a.example,b.example")
            let file = try load(made, path)
            let text = try load(made, try made.text(path))
            #expect(file.map(\.path) == [path])
            #expect(text.map(\.path) == [nil])
            #expect(file.map(\.certificate) == text.map(\.certificate))
            #expect(file.map(\.isCurrent) == [true])
            #expect(file.first?.certificate.principals == ["a.example", "b.example"])
        }
    }

    @Test(
        "one that has expired, or is not valid yet, is told apart",
        arguments: [
            "-2d:-1d", "+1d:+2d",
        ]
    )
    func notCurrent(_ period: String) throws {
        try withTemporaryFolder { folder in
            let made = try HostCertificates(folder)
            try made.makeKey("host")
            let path = try made.certify("host", "-h", "-V", period)
            #expect(try load(made, path).map(\.isCurrent) == [false])
        }
    }

    @Test("a user's certificate, another key's, and a file that is none are errors")
    func refused() throws {
        try withTemporaryFolder { folder in
            let made = try HostCertificates(folder)
            let key = try made.makeKey("host")
            try made.makeKey("other")
            let user = try made.certify("host", "-n", "ann")
            #expect(throws: HostCertificateError.notForHosts(user)) { try load(made, user) }
            let other = try made.certify("other", "-h")
            #expect(throws: HostCertificateError.noSuchHostKey(other)) { try load(made, other) }
            #expect(throws: HostCertificateError.unusable(key, .malformed)) { try load(made, key) }
            let plain = key + ".pub"
            #expect(throws: HostCertificateError.self) { try load(made, plain) }
            #expect(throws: HostCertificateError.unreadable("/none", ENOENT)) {
                try load(made, "/none")
            }
        }
    }

    @Test("one whose bytes were changed anywhere is refused")
    func changed() throws {
        try withTemporaryFolder { folder in
            let made = try HostCertificates(folder)
            try made.makeKey("host")
            let words = try made.text(try made.certify("host", "-h", "-n", "a"))
                .split(separator: " ")
            let blob = try #require(Base64.decode(words[1]))
            for index in stride(from: 0, to: blob.count, by: 3) {
                var bad = blob
                bad[index] ^= 1
                let text = "\(words[0]) \(Base64.encode(bad)) x"
                #expect(throws: HostCertificateError.self) { try load(made, text) }
            }
            for length in stride(from: 0, to: blob.count, by: 7) {
                let text = "\(words[0]) \(Base64.encode(blob.prefix(length))) x"
                #expect(throws: HostCertificateError.self) { try load(made, text) }
            }
        }
    }
}
