import ChildProcess
import Foundation
import NIOCore
import SharedAge
import Testing

@Suite("berth recording, encrypted", .timeLimit(.minutes(2)))
struct EncryptedRecordingTests {
    private static let samples = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "SharedAuditTests/Samples")

    private func berth(_ arguments: String...) async throws -> ChildProcess.End {
        try await ChildProcess.run("berth", ["recording"] + arguments)
    }

    private struct Files {
        let folder: URL
        let identity = AgeIdentity()
        var key: String { folder.appending(path: "key").path }
        var stranger: String { folder.appending(path: "stranger").path }
        var recording: String { folder.appending(path: "recording").path }
        var bytes = Data()
    }

    private func withFiles(_ body: (Files) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var files = Files(folder: folder)
        for (path, key) in [(files.key, files.identity), (files.stranger, AgeIdentity())] {
            let text = "# public key: \(key.recipient)\n\(key.secretText)\n"
            try Data(text.utf8).write(to: URL(filePath: path))
        }
        files.bytes = try sealed(try sample(), files)
        try files.bytes.write(to: URL(filePath: files.recording))
        try await body(files)
    }

    private func sample() throws -> Data {
        try Data(contentsOf: Self.samples.appending(path: "v2-all-types.bin"))
    }

    private func sealed(_ bytes: Data, _ files: Files) throws -> Data {
        var encryptor = try AgeEncryptor(to: [files.identity.recipient])
        var sealed = try encryptor.update(ByteBuffer(bytes: bytes))
        sealed.writeImmutableBuffer(try encryptor.finish())
        return Data(sealed.readableBytesView)
    }

    /// The sample as three auditds stored it, by name.
    private func parts(_ id: String, _ files: Files) throws -> [String: Data] {
        let whole = try sample()
        return [
            id: try sealed(whole.prefix(3000), files),
            id + ".1-2500": try sealed(whole.dropFirst(2500).prefix(1000), files),
            id + ".2-3500": try sealed(whole.dropFirst(3500), files),
        ]
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.samples.appending(path: name), encoding: .utf8)
    }

    @Test("decode reads an encrypted file with the key, and tells what is missing without")
    func decode() async throws {
        try await withFiles { files in
            let end = try await berth("decode", "--identity", files.key, files.recording)
            #expect(end.status == 0)
            #expect(end.output == (try text("v2-all-types.jsonl")))
            let cast = try await berth("decode", "--cast", "--identity", files.key, files.recording)
            #expect(cast.output == (try text("all-types.cast")))
            let keyless = try await berth("decode", files.recording)
            #expect(keyless.status == 1 && keyless.errors.contains("RECORDING_ENCRYPTED"))
            for wrong in [files.stranger, files.recording, "/none"] {
                let end = try await berth("decode", "--identity", wrong, files.recording)
                #expect(
                    end.status == 1 && end.errors.contains("RECORDING_IDENTITY"),
                    "\(end.errors)"
                )
                #expect(end.output.isEmpty)
            }
        }
    }

    @Test("an encrypted file that was cut or changed is told by its code")
    func damaged() async throws {
        try await withFiles { files in
            var changed = files.bytes
            changed[changed.count - 40] ^= 1
            for bytes in [changed, Data(files.bytes.dropLast(1)), files.bytes + [0]] {
                try bytes.write(to: URL(filePath: files.recording))
                let end = try await berth("decode", "--identity", files.key, files.recording)
                #expect(end.status == 1)
                #expect(end.errors.contains("RECORDING_DECRYPTION_FAILED"), "\(end.errors)")
            }
        }
    }

    @Test("show, cast and play decrypt here what auditd has, and auditd can't")
    func remote() async throws {
        try await withFiles { files in
            try await RunningAuditd.with { auditd in
                let id = try auditd.store(files.bytes)
                try await auditd.start()
                try await auditd.waitUntil(["list"]) { $0.contains(id) }
                let show = try await auditd.berth("show", "--identity", files.key, id)
                #expect(show.output == (try text("v2-all-types.jsonl")), "\(show.errors)")
                let cast = try await auditd.berth("cast", "--identity", files.key, id)
                #expect(cast.output == (try text("all-types.cast")))
                let play = try await auditd.berth(
                    "play",
                    "--speed",
                    "1000",
                    "--identity",
                    files.key,
                    id
                )
                #expect(play.status == 0 && !play.output.isEmpty, "\(play.errors)")
                let refused = try await auditd.berth("show", id)
                #expect(refused.status == 1 && refused.errors.contains("AUDITD_ENCRYPTED"))
                let raw = try await auditd.berth("export", "--directory", auditd.folder, id)
                #expect(raw.status == 1 && raw.errors.contains("RECORDING_NOT_WRITTEN"))
                let copy = files.folder.path
                _ = try await auditd.berth("export", "--directory", copy, id)
                #expect(try Data(contentsOf: files.folder.appending(path: id)) == files.bytes)
            }
        }
    }

    @Test("an encrypted recording in several parts is read as one, from files and from auditd")
    func inParts() async throws {
        try await withFiles { files in
            let id = String(repeating: "0123456789abcdef", count: 2)
            let parts = try parts(id, files)
            for (name, bytes) in parts {
                try bytes.write(to: files.folder.appending(path: name))
            }
            let path = files.folder.appending(path: id).path
            let decoded = try await berth("decode", "--identity", files.key, path)
            #expect(decoded.output == (try text("v2-all-types.jsonl")), "\(decoded.errors)")
            try await RunningAuditd.with { auditd in
                for (name, bytes) in parts {
                    try bytes.write(to: URL(filePath: "\(auditd.folder)/\(name)"))
                }
                try await auditd.start()
                try await auditd.waitUntil(["show", "--identity", files.key, id]) {
                    $0 == (try? text("v2-all-types.jsonl"))
                }
                let copy = files.folder.appending(path: "copy").path
                try FileManager.default.createDirectory(
                    atPath: copy,
                    withIntermediateDirectories: true
                )
                let export = try await auditd.berth("export", "--parts", "--directory", copy, id)
                #expect(export.status == 0, "\(export.errors)")
                for (name, bytes) in parts {
                    #expect(try Data(contentsOf: URL(filePath: "\(copy)/\(name)")) == bytes)
                }
            }
        }
    }
}
