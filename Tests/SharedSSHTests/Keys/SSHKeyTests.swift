import Crypto
import Foundation
import NIOCore
import Testing

@testable import SharedSSH

/// Keys and signatures made by OpenSSH and OpenSSL.
@Suite("Keys", .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen"))
struct SSHKeyTests {
    /// Arguments of ssh-keygen, and the type of the key they make.
    static let kinds: [(arguments: [String], type: SSHKeyType)] = [
        (["-t", "ed25519"], .ed25519),
        (["-t", "ecdsa", "-b", "256"], .ecdsa256),
        (["-t", "ecdsa", "-b", "384"], .ecdsa384),
        (["-t", "ecdsa", "-b", "521"], .ecdsa521),
        (["-t", "rsa", "-b", "2048"], .rsa),
    ]

    private func generate(_ arguments: [String], in folder: String) throws -> String {
        let path = folder + "/key"
        let made = try runTool(
            ["ssh-keygen", "-q", "-N", "", "-C", "a comment", "-f", path] + arguments
        )
        try #require(made.status == 0, "\(made.output)")
        return path
    }

    @Test("a key file of ssh-keygen is read, with its comment and fingerprint", arguments: kinds)
    func readsOpenSSH(_ arguments: [String], _ type: SSHKeyType) throws {
        try withTemporaryFolder { folder in
            let path = try generate(arguments, in: folder)
            let key = try SSHPrivateKey(pem: String(contentsOfFile: path, encoding: .utf8))
            let line = try String(contentsOfFile: path + ".pub", encoding: .utf8)
            let authorized = try #require(try AuthorizedKey.parse(line))
            #expect(key.publicKey.type == type)
            #expect(key.comment == "a comment")
            #expect(authorized.key == key.publicKey)
            #expect(authorized.comment == "a comment")
            #expect(line.hasPrefix(key.publicKey.authorizedKeysLine))
            let shown = try runTool(["ssh-keygen", "-l", "-f", path]).output
            #expect(shown.contains(key.publicKey.fingerprint + " "))
        }
    }

    @Test("PEM and PKCS#8 files of ssh-keygen are read", arguments: kinds.dropFirst())
    func readsPEM(_ arguments: [String], _ type: SSHKeyType) throws {
        for format in ["PEM", "PKCS8"] {
            try withTemporaryFolder { folder in
                let path = try generate(arguments + ["-m", format], in: folder)
                let text = try String(contentsOfFile: path, encoding: .utf8)
                let key = try SSHPrivateKey(pem: text)
                let line = try String(contentsOfFile: path + ".pub", encoding: .utf8)
                #expect(line.hasPrefix(key.publicKey.authorizedKeysLine))
                #expect(!text.contains("OPENSSH"))
            }
        }
    }

    @Test("an Ed25519 PKCS#8 file of OpenSSL is read")
    func readsEd25519PKCS8() throws {
        let text = try runTool(["openssl", "genpkey", "-algorithm", "ed25519"]).output
        let key = try SSHPrivateKey(pem: text)
        let der = try #require(Base64.decode(text.split(separator: "\n")[1]))
        #expect(key.publicKey.type == .ed25519)
        guard case .ed25519(let material) = key.material else {
            Issue.record("is not Ed25519")
            return
        }
        #expect(Array(material.rawRepresentation) == der.suffix(32))
    }

    @Test("a key with a passphrase is refused as such")
    func refusesPassphrase() throws {
        try withTemporaryFolder { folder in
            for format in ["RFC4716", "PEM", "PKCS8"] {
                let path = folder + "/key" + format
                try runTool([
                    "ssh-keygen", "-q", "-N", "secret", "-t", "ecdsa", "-m", format, "-f", path,
                ])
                let text = try String(contentsOfFile: path, encoding: .utf8)
                #expect(throws: KeyError.encrypted) { try SSHPrivateKey(pem: text) }
            }
        }
    }

    @Test("what we write ssh-keygen reads")
    func writesOpenSSH() throws {
        try withTemporaryFolder { folder in
            let keys = [
                try SSHPrivateKey.generateEd25519(comment: "x"),
                try SSHPrivateKey.generateECDSA256(comment: "a longer comment"),
            ]
            for (index, key) in keys.enumerated() {
                let path = "\(folder)/key\(index)"
                try key.fileText().write(toFile: path, atomically: true, encoding: .utf8)
                unsafe chmod(path, 0o600)
                let line = try runTool(["ssh-keygen", "-y", "-f", path]).output
                #expect(line == "\(key.publicKey.authorizedKeysLine) \(key.comment)\n")
                let again = try SSHPrivateKey(pem: key.fileText())
                #expect(again.publicKey == key.publicKey)
                #expect(again.comment == key.comment)
            }
        }
    }

    @Test("a signature of ssh-keygen verifies, and only over its own data", arguments: kinds)
    func verifiesOpenSSH(_ arguments: [String], _ type: SSHKeyType) throws {
        try withTemporaryFolder { folder in
            let path = try generate(arguments, in: folder)
            let data = folder + "/data"
            try "the data".write(toFile: data, atomically: true, encoding: .utf8)
            let made = try runTool(["ssh-keygen", "-Y", "sign", "-f", path, "-n", "berth", data])
            try #require(made.status == 0, "\(made.output)")
            let armor = try String(contentsOfFile: data + ".sig", encoding: .utf8)
            let (key, signature, signed) = try SSHSIG.parse(armor, data: Array("the data".utf8))
            let algorithm: SSHSignatureAlgorithm =
                type == .rsa ? .rsaSHA512 : try #require(type.signatureAlgorithms.first)
            #expect(key.verifies(signature, over: signed, algorithm: algorithm))
            #expect(!key.verifies(signature, over: signed + [0], algorithm: algorithm))
        }
    }

    @Test(
        "OpenSSL verifies an RSA signature of ours",
        arguments: [("256", SSHSignatureAlgorithm.rsaSHA256), ("512", .rsaSHA512)]
    )
    func signsRSA(_ digest: String, _ algorithm: SSHSignatureAlgorithm) throws {
        try withTemporaryFolder { folder in
            let path = try generate(["-t", "rsa", "-b", "2048", "-m", "PEM"], in: folder)
            let key = try SSHPrivateKey(pem: String(contentsOfFile: path, encoding: .utf8))
            var wire = ByteBuffer(
                bytes: try key.signature(over: Array("d".utf8), algorithm: algorithm)
            )
            #expect(try wire.readSSHText() == algorithm.rawValue)
            let raw = try wire.readSSHBytes()
            try Data(raw).write(to: URL(fileURLWithPath: folder + "/sig"))
            try "d".write(toFile: folder + "/data", atomically: true, encoding: .utf8)
            let checked = try runTool([
                "openssl", "dgst", "-sha\(digest)", "-prverify", path, "-signature",
                folder + "/sig", folder + "/data",
            ])
            #expect(checked.status == 0, "\(checked.output)")
        }
    }

    @Test(
        "what every kind of key signs verifies; another algorithm, key or a changed bit does not",
        arguments: kinds
    )
    func roundTrip(_ arguments: [String], _ type: SSHKeyType) throws {
        try withTemporaryFolder { folder in
            let path = try generate(arguments, in: folder)
            let key = try SSHPrivateKey(pem: String(contentsOfFile: path, encoding: .utf8))
            let data = Array("data".utf8)
            for algorithm in type.signatureAlgorithms {
                let signature = try key.signature(over: data, algorithm: algorithm)
                #expect(key.publicKey.verifies(signature, over: data, algorithm: algorithm))
                for other in SSHSignatureAlgorithm.allCases where other != algorithm {
                    #expect(!key.publicKey.verifies(signature, over: data, algorithm: other))
                }
                for position in signature.indices where position % 7 == 0 {
                    var changed = signature
                    changed[position] ^= 1
                    #expect(!key.publicKey.verifies(changed, over: data, algorithm: algorithm))
                }
                for length in 0..<signature.count {
                    let cut = Array(signature.prefix(length))
                    #expect(!key.publicKey.verifies(cut, over: data, algorithm: algorithm))
                }
            }
            #expect(throws: KeyError.wrongAlgorithm) {
                try key.signature(over: data, algorithm: type == .ed25519 ? .ecdsa256 : .ed25519)
            }
        }
    }

    @Test("a public key cut short, or with a byte too many, is refused", arguments: kinds)
    func refusesCutKeys(_ arguments: [String], _ type: SSHKeyType) throws {
        try withTemporaryFolder { folder in
            let path = try generate(arguments, in: folder)
            let key = try SSHPrivateKey(pem: String(contentsOfFile: path, encoding: .utf8))
            let blob = key.publicKey.blob
            #expect(try SSHPublicKey(blob: blob) == key.publicKey)
            for length in 0..<blob.count {
                #expect(throws: KeyError.self) {
                    try SSHPublicKey(blob: Array(blob.prefix(length)))
                }
            }
            #expect(throws: KeyError.malformed) { try SSHPublicKey(blob: blob + [0]) }
        }
    }

    @Test("a 1024-bit RSA key is refused with its size")
    func refusesShortRSA() throws {
        try withTemporaryFolder { folder in
            let path = try generate(["-t", "rsa", "-b", "1024"], in: folder)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let line = try String(contentsOfFile: path + ".pub", encoding: .utf8)
            #expect(throws: KeyError.badRSASize(1024)) { try SSHPrivateKey(pem: text) }
            #expect(throws: KeyError.badRSASize(1024)) { try AuthorizedKey.parse(line) }
        }
    }

    @Test("a certificate is recognized as something unsupported")
    func refusesCertificates() throws {
        try withTemporaryFolder { folder in
            let path = try generate(["-t", "ed25519"], in: folder)
            let made = try runTool([
                "ssh-keygen", "-q", "-s", path, "-I", "id", "-n", "u", path + ".pub",
            ])
            try #require(made.status == 0, "\(made.output)")
            let line = try String(contentsOfFile: path + "-cert.pub", encoding: .utf8)
            #expect(throws: KeyError.unsupportedType("ssh-ed25519-cert-v01@openssh.com")) {
                try AuthorizedKey.parse(line)
            }
        }
    }
}

/// The armored signatures of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig).
private enum SSHSIG {
    static func parse(
        _ armor: String,
        data: [UInt8]
    ) throws -> (SSHPublicKey, signature: [UInt8], signed: [UInt8]) {
        var buffer = ByteBuffer(bytes: try PEM(armor).bytes)
        #expect(buffer.readString(length: 6) == "SSHSIG")
        #expect(try buffer.readSSHUInt32() == 1)
        let key = try SSHPublicKey(blob: try buffer.readSSHBytes())
        let namespace = try buffer.readSSHText()
        _ = try buffer.readSSHString()
        let hash = try buffer.readSSHText()
        let signature = try buffer.readSSHBytes()
        var signed = ByteBuffer(string: "SSHSIG")
        signed.writeSSHString(namespace)
        signed.writeSSHString("")
        signed.writeSSHString(hash)
        let digest = (hash == "sha512" ? KeyExchangeHash.sha512 : .sha256)
        signed.writeSSHString(digest.digest(ByteBuffer(bytes: data)))
        return (key, signature, Array(signed.readableBytesView))
    }
}
