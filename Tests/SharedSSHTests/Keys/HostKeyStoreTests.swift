import Foundation
import Testing

@testable import SharedSSH

@Suite("The host key store")
struct HostKeyStoreTests {
    @Test("the first start makes a key only its owner can read, the second finds it")
    func generates() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/host_key"
            let first = try HostKeyStore.loadOrGenerate(entries: [], path: path)
            let second = try HostKeyStore.loadOrGenerate(entries: [], path: path)
            #expect(first.map(\.isNew) == [true])
            #expect(second.map(\.isNew) == [false])
            #expect(first.map(\.key.publicKey) == second.map(\.key.publicKey))
            #expect(first.map(\.key.publicKey.type) == [.ed25519])
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
            #expect(mode as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["host_key"])
            #expect(second.map(\.isReadableByOthers) == [false])
        }
    }

    @Test("many first starts at once agree on one key")
    func generatesOnce() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }  // Only litter if it fails.
        let path = folder + "/host_key"
        let keys = try await withThrowingTaskGroup(of: SSHPublicKey?.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    try HostKeyStore.loadOrGenerate(entries: [], path: path).first?.key.publicKey
                }
            }
            return try await group.reduce(into: Set<SSHPublicKey?>()) { $0.insert($1) }
        }
        #expect(keys.count == 1)
    }

    @Test("entries are paths or keys themselves")
    func entries() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a"
            let made = try HostKeyStore.loadOrGenerate(entries: [], path: path)
            let text = try SSHPrivateKey.generateECDSA256().fileText()
            let loaded = try HostKeyStore.loadOrGenerate(
                entries: [path, "\n" + text],
                path: "/none"
            )
            #expect(loaded.map(\.path) == [path, nil])
            #expect(loaded.first?.key.publicKey == made.first?.key.publicKey)
            #expect(loaded.last?.key.publicKey.type == .ecdsa256)
        }
    }

    @Test("a configured file that is missing is an error, not a new key")
    func missing() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/missing"
            #expect(throws: HostKeyError.unreadable(path, ENOENT)) {
                try HostKeyStore.loadOrGenerate(entries: [path], path: folder + "/other")
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(files.isEmpty)
        }
    }

    @Test("a file that is no key is an error, and stays as it is")
    func noKey() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/host_key"
            try "nothing".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(throws: HostKeyError.badKey(path, .malformed)) {
                try HostKeyStore.loadOrGenerate(entries: [], path: path)
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "nothing")
        }
    }

    @Test("a folder that is not there cannot be written")
    func noFolder() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/none/host_key"
            #expect(throws: HostKeyError.unwritable(path, ENOENT)) {
                try HostKeyStore.loadOrGenerate(entries: [], path: path)
            }
        }
    }

    @Test("a file that others may read is reported")
    func readableByOthers() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/host_key"
            _ = try HostKeyStore.loadOrGenerate(entries: [], path: path)
            unsafe chmod(path, 0o644)
            let loaded = try HostKeyStore.loadOrGenerate(entries: [], path: path)
            #expect(loaded.map(\.isReadableByOthers) == [true])
        }
    }

    @Test("a file that others may write is refused", arguments: [0o620, 0o602, 0o666] as [mode_t])
    func writableByOthers(_ mode: mode_t) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/host_key"
            _ = try HostKeyStore.loadOrGenerate(entries: [], path: path)
            unsafe chmod(path, mode)
            #expect(throws: HostKeyError.writableByOthers(path)) {
                try HostKeyStore.loadOrGenerate(entries: [path], path: "/none")
            }
        }
    }

    @Test("a DSA key is passed over where there are others, in every format")
    func outdated() throws {
        try withTemporaryFolder { folder in
            let good = try SSHPrivateKey.generateEd25519().fileText()
            for format in ["RFC4716", "PKCS8", "PEM"] {
                let path = "\(folder)/\(format)"
                try runTool(
                    ["ssh-keygen", "-q", "-N", "", "-t", "dsa", "-m", format, "-f", path]
                )
                var passedOver: [String] = []
                let loaded = try HostKeyStore.loadOrGenerate(
                    entries: [path, good],
                    path: "/none"
                ) { passedOver.append($0) }
                #expect(loaded.count == 1)
                #expect(passedOver == [path])
                #expect(throws: HostKeyError.self) {
                    try HostKeyStore.loadOrGenerate(entries: [path], path: "/none")
                }
            }
        }
    }

    @Test("an RSA key below 2048 bits is an error")
    func shortRSA() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/rsa"
            try runTool(
                ["ssh-keygen", "-q", "-N", "", "-t", "rsa", "-b", "1024", "-f", path]
            )
            #expect(throws: HostKeyError.badKey(path, .badRSASize(1024))) {
                try HostKeyStore.loadOrGenerate(entries: [path], path: "/none")
            }
        }
    }
}
