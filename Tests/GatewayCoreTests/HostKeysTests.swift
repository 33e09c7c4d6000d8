import Foundation
import InMemoryLogging
import Logging
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Host keys of the configuration")
struct HostKeysTests {
    private let log = InMemoryLogHandler()

    @Test("every key is reported, and which of two of a type clients are shown")
    func reported() throws {
        let first = try SSHPrivateKey.generateEd25519()
        let second = try SSHPrivateKey.generateEd25519()
        var config = SSHConfig()
        config.hostKeys = try [first, second, .generateECDSA256()].map {
            PEMSource(try $0.fileText())
        }
        let host = try prepare(config)
        #expect(host.keys.map(\.publicKey).prefix(2) == [first.publicKey, second.publicKey])
        let uses = entries(.gatewayHostKeyLoaded).map { "\($0["use"] ?? "")" }
        #expect(uses == ["announced", "offered", "offered"])
    }

    @Test("a DSA key is passed over with a word")
    func passedOver() throws {
        try inFolder { folder in
            try keygen("-t", "dsa", "-f", "\(folder)/dsa")
            var config = SSHConfig()
            config.hostKeys = [
                PEMSource("\(folder)/dsa"),
                PEMSource(try SSHPrivateKey.generateEd25519().fileText()),
            ]
            #expect(try prepare(config).keys.count == 1)
            #expect(
                entries(.gatewayHostKeyPassedOver).map { "\($0["file"] ?? "")" } == [
                    "\(folder)/dsa"
                ]
            )
        }
    }

    @Test("a configured file's mode counts: readable by others is said, writable is refused")
    func modes() throws {
        try inFolder { folder in
            let path = "\(folder)/key"
            try SSHPrivateKey.generateEd25519().fileText()
                .write(toFile: path, atomically: true, encoding: .utf8)
            var config = SSHConfig()
            config.hostKeys = [PEMSource(path)]
            try setMode(path, 0o644)
            #expect(try prepare(config).keys.count == 1)
            #expect(entries(.gatewayHostKeyReadable).count == 1)
            try setMode(path, 0o664)
            let error = #expect(throws: CodedError.self) { try prepare(config) }
            #expect(error?.code == .gatewayHostKeyUnsafe)
        }
    }

    @Test("certificates are reported; one that has expired is left out, a wrong one refused")
    func certificates() throws {
        try inFolder { folder in
            for name in ["ca", "host"] { try keygen("-t", "ed25519", "-f", "\(folder)/\(name)") }
            try sign(folder, "-h", "-n", "gate.example", "-V", "-1d:+10d")
            var config = SSHConfig()
            config.hostKeys = [PEMSource("\(folder)/host")]
            config.hostCertificates = ["\(folder)/host-cert.pub"]
            #expect(try prepare(config).certificates.map(\.principals) == [["gate.example"]])
            #expect(entries(.gatewayHostCertificateLoaded).count == 1)

            let later = Date().addingTimeInterval(11 * 24 * 3600)
            #expect(try prepare(config, now: later).certificates.isEmpty)
            #expect(entries(.gatewayHostCertificateNotCurrent).count == 1)

            try sign(folder, "-n", "ann")
            let error = #expect(throws: CodedError.self) { try prepare(config) }
            #expect(error?.code == .gatewayHostCertificateInvalid)
        }
    }

    @Test("the certificate and the weak algorithm are offered as configured")
    func settings() throws {
        var config = SSHConfig()
        config.hostKeyAlgorithms = ["ssh-rsa", "ssh-dss", "ssh-ed25519"]
        let host = HostIdentity(keys: [try .generateEd25519()])
        let settings = SSHServerSettings(config, host: host, methods: [])
        #expect(
            settings.transport.algorithms.hostKeys.map(\.rawValue) == ["ssh-rsa", "ssh-ed25519"]
        )
        #expect(config.unspokenAlgorithms == ["ssh-dss"])
    }

    // MARK: - Support

    private func prepare(_ config: SSHConfig, now: Date = Date()) throws -> HostIdentity {
        let log = log
        return try HostKeys.prepare(
            config,
            configFolder: "/none",
            now: now,
            logger: Logger(label: "test") { _ in log }
        )
    }

    private func entries(_ code: MessageCode) -> [Logger.Metadata] {
        log.entries.map(\.metadata).filter { $0["code"] == .string(code.id) }
    }

    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter if it fails.
        try body(folder.path)
    }

    private func setMode(_ path: String, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func sign(_ folder: String, _ options: String...) throws {
        try keygen(["-s", "\(folder)/ca", "-I", "test"] + options + ["\(folder)/host.pub"])
    }

    private func keygen(_ arguments: String...) throws { try keygen(["-N", ""] + arguments) }

    private func keygen(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/ssh-keygen")
        process.arguments = ["-q"] + arguments
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
