import SSHTestServer
import Testing

@testable import SharedSSH

@Suite("Security keys")
struct SecurityKeyTests {
    private static let types = SSHKeyType.allCases.filter(\.isSecurityKey)
    private static let data = Array("what the client signs".utf8)

    @Test("a key is read back as it was", arguments: types)
    func roundTrip(_ type: SSHKeyType) throws {
        let blob = SoftwareAuthenticator(type).blob
        let key = try SSHPublicKey(blob: blob)
        #expect(key.type == type)
        #expect(try SSHPublicKey(key.material).blob == blob)
        let line = try AuthorizedKey.parse(key.authorizedKeysLine + " comment")
        #expect(line?.key == key)
        for length in blob.indices {
            #expect(throws: KeyError.self) { try SSHPublicKey(blob: Array(blob[..<length])) }
        }
    }

    @Test("a signature says how the key was used", arguments: types)
    func flags(_ type: SSHKeyType) throws {
        let authenticator = SoftwareAuthenticator(type)
        let key = try SSHPublicKey(blob: authenticator.blob)
        for (flags, isPresent, isVerified) in [
            (UInt8(0), false, false), (1, true, false), (4, false, true), (5, true, true),
            (0xFF, true, true),
        ] {
            let signature = try authenticator.sign(Self.data, flags: flags, counter: 99)
            let verified = key.verify(signature, over: Self.data, algorithm: type.algorithm)
            let use = try #require(verified?.securityKey)
            #expect(use.isUserPresent == isPresent)
            #expect(use.isUserVerified == isVerified)
            #expect(use.counter == 99)
        }
    }

    @Test("a signature with any bit changed, flags and counter too, is wrong", arguments: types)
    func flipped(_ type: SSHKeyType) throws {
        let authenticator = SoftwareAuthenticator(type)
        let key = try SSHPublicKey(blob: authenticator.blob)
        let signature = try authenticator.sign(Self.data, flags: 1)
        for bit in 0..<signature.count * 8 {
            var changed = signature
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(
                !key.verifies(changed, over: Self.data, algorithm: type.algorithm),
                "bit \(bit)"
            )
        }
        for length in signature.indices {
            let cut = Array(signature[..<length])
            #expect(!key.verifies(cut, over: Self.data, algorithm: type.algorithm))
        }
        let longer = signature + [0]
        #expect(!key.verifies(longer, over: Self.data, algorithm: type.algorithm))
    }

    @Test("a signature for another application is wrong", arguments: types)
    func application(_ type: SSHKeyType) throws {
        let authenticator = SoftwareAuthenticator(type, application: "ssh:a")
        var blob = authenticator.blob
        blob[blob.count - 1] = UInt8(ascii: "b")
        let other = try SSHPublicKey(blob: blob)
        let signature = try authenticator.sign(Self.data, flags: 1)
        #expect(!other.verifies(signature, over: Self.data, algorithm: type.algorithm))
    }

    @Test("a server is told flags and counter of a login", arguments: types)
    func overTheWire(_ type: SSHKeyType) async throws {
        try await TestServer.run { server in
            let authenticator = SoftwareAuthenticator(type)
            let client = try await server.connect()
            let result = try await client.authenticate(
                "ann",
                .rawKey(algorithm: type.rawValue, blob: authenticator.blob) {
                    try authenticator.sign($0, flags: 5, counter: 41)
                }
            )
            #expect(result == .authenticated)
            let offered = OfferedKey(
                algorithm: type.rawValue,
                type: type.rawValue,
                blob: authenticator.blob,
                securityKey: SecurityKeyUse(flags: 5, counter: 41)
            )
            let attempt = AuthenticationAttempt(username: "ann", method: .publicKey(offered))
            #expect(server.journal.entries.contains(.attempt(attempt)))
            await client.close()
        }
    }
}

extension SSHKeyType {
    fileprivate var algorithm: SSHSignatureAlgorithm { signatureAlgorithms[0] }
}
