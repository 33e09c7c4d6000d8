import Foundation
import NIOCore
import SSHTestServer
import Testing

@testable import SharedSSH

@Suite("Revocation lists")
struct KeyRevocationListTests {
    private let authority: SSHPrivateKey
    private let key: SSHPrivateKey

    init() throws {
        authority = try SSHPrivateKey.generateEd25519()
        key = try SSHPrivateKey.generateEd25519()
    }

    private func certificate(serial: UInt64 = 1, keyID: String = "id") throws -> OpenSSHCertificate
    {
        var maker = CertificateMaker(key: key.publicKey.blob, authority: authority)
        maker.serial = serial
        maker.keyID = keyID
        return try OpenSSHCertificate(blob: maker.make())
    }

    /// What `ssh-keygen -k` makes of a specification (ssh-keygen(1), KEY REVOCATION LISTS).
    private func list(_ specification: String, byAuthority: Bool = true) throws -> [UInt8] {
        try withTemporaryFolder { folder in
            let line = authority.publicKey.authorizedKeysLine
            try line.write(toFile: "\(folder)/ca.pub", atomically: true, encoding: .utf8)
            try key.publicKey.authorizedKeysLine
                .write(toFile: "\(folder)/key.pub", atomically: true, encoding: .utf8)
            let text = specification.replacing("KEY", with: key.publicKey.authorizedKeysLine)
                .replacing("HASH", with: key.publicKey.fingerprint)
            try text.write(toFile: "\(folder)/spec", atomically: true, encoding: .utf8)
            let made = try runTool(
                ["ssh-keygen", "-q", "-k", "-f", "\(folder)/krl", "-z", "3"]
                    + ["-s", byAuthority ? "\(folder)/ca.pub" : "none"] + ["\(folder)/spec"]
            )
            try #require(made.status == 0, "\(made.output)")
            return [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/krl")))
        }
    }

    @Test(
        "serial numbers and key IDs of ssh-keygen's list are revoked, the others are not",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen"),
        arguments: [
            ("serial: 5\n", [5], [1, 4, 6]),
            ("serial: 10-20\n", [10, 15, 20], [9, 21]),
            (
                "serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 64\n", [1, 3, 5, 7, 64],
                [2, 65]
            ),
            ("serial: 1000000-9000000\nserial: 18446744073709551615\n", [5_000_000, .max], [7]),
        ] as [(String, [UInt64], [UInt64])],
        [true, false]
    )
    func serials(
        _ cases: (specification: String, revoked: [UInt64], good: [UInt64]),
        _ byAuthority: Bool
    ) throws {
        let list = try KeyRevocationList(bytes: list(cases.specification, byAuthority: byAuthority))
        for serial in cases.revoked {
            #expect(list.revokes(try certificate(serial: serial)), "\(serial)")
        }
        for serial in cases.good + [0] {
            #expect(!list.revokes(try certificate(serial: serial)), "\(serial)")
        }
        #expect(!list.revokes(key.publicKey.blob))
    }

    @Test(
        "a key ID is revoked",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen")
    )
    func keyID() throws {
        let list = try KeyRevocationList(bytes: list("id: ann@laptop\n"))
        #expect(list.revokes(try certificate(keyID: "ann@laptop")))
        #expect(!list.revokes(try certificate(keyID: "ann@laptop2")))
    }

    @Test(
        "another authority's serial numbers are its own affair",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen")
    )
    func otherAuthority() throws {
        let list = try KeyRevocationList(bytes: list("serial: 5\n"))
        var maker = CertificateMaker(
            key: key.publicKey.blob,
            authority: try SSHPrivateKey.generateEd25519()
        )
        maker.serial = 5
        #expect(!list.revokes(try OpenSSHCertificate(blob: maker.make())))
    }

    @Test(
        "a key is revoked whole or by its hash, with every certificate for it",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen"),
        arguments: ["KEY\n", "key: KEY\n", "sha1: KEY\n", "sha256: KEY\n", "hash: HASH\n"]
    )
    func keys(_ specification: String) throws {
        let list = try KeyRevocationList(bytes: list(specification))
        #expect(list.revokes(key.publicKey.blob))
        #expect(list.revokes(try certificate()))
        #expect(!list.revokes(authority.publicKey.blob))
    }

    @Test("a revoked authority takes its certificates along")
    func revokedAuthority() throws {
        let text = "# lost\n\n\(authority.publicKey.authorizedKeysLine) the old one\n"
        let list = try KeyRevocationList(bytes: Array(text.utf8))
        #expect(list.revokes(try certificate()))
        #expect(!list.revokes(key.publicKey.blob))
    }

    @Test("a text with anything but keys is no list; an empty one revokes nothing")
    func text() throws {
        #expect(throws: KeyError.self) { try KeyRevocationList(bytes: Array("serial: 5".utf8)) }
        let empty = try KeyRevocationList(bytes: [])
        #expect(!empty.revokes(key.publicKey.blob))
    }

    @Test(
        "a list cut at any byte never revokes less than the whole",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen")
    )
    func truncated() throws {
        let whole = try list(
            "serial: 5\nserial: 10-20\nserial: 100\nserial: 102\nid: x\nsha256: KEY\n"
        )
        var readable = 0
        for length in 8..<whole.count {
            // A cut between two sections leaves a shorter list in good form.
            guard (try? KeyRevocationList(bytes: Array(whole[..<length]))) != nil else { continue }
            readable += 1
        }
        #expect(readable <= 2)
    }

    @Test(
        "no change of a list traps",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen"),
        arguments: [1, 2, 3]
    )
    func fuzz(_ seed: UInt64) throws {
        let whole = try list(
            "serial: 5\nserial: 10-20\nserial: 100\nserial: 102\nid: x\nsha1: KEY\n"
        )
        let certificates = try [0, 5, 101, .max].map { try certificate(serial: $0) }
        func exercise(_ bytes: [UInt8]) {
            // Most changes leave no list.
            guard let list = try? KeyRevocationList(bytes: bytes) else { return }
            for certificate in certificates { _ = list.revokes(certificate) }
        }
        for bit in 0..<whole.count * 8 {
            var changed = whole
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            exercise(changed)
        }
        var random = SplitMix64(seed: seed)
        for _ in 0..<5000 {
            exercise(Array(random.mutated([ByteBuffer(bytes: whole)]).readableBytesView))
        }
    }

    @Test("a critical extension that nobody knows makes the list unusable, another does not")
    func extensions() throws {
        func list(isCritical: Bool) -> [UInt8] {
            var buffer = ByteBuffer(bytes: KeyRevocationList.magic)
            buffer.writeInteger(1, as: UInt32.self)
            buffer.writeMultipleIntegers(UInt64(1), UInt64(2), UInt64(0))
            buffer.writeSSHString("")
            buffer.writeSSHString("comment")
            buffer.writeInteger(255, as: UInt8.self)
            buffer.writeSSHString {
                $0.writeSSHString("new@example.com")
                $0.writeSSHBoolean(isCritical)
                $0.writeSSHString("x")
            }
            return Array(buffer.readableBytesView)
        }
        #expect(throws: Never.self) { try KeyRevocationList(bytes: list(isCritical: false)) }
        #expect(throws: KeyError.malformed) { try KeyRevocationList(bytes: list(isCritical: true)) }
    }
}
