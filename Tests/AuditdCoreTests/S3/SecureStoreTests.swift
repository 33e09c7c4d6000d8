import AuditClient
import Foundation
import NIOCore
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

/// A store over TLS, with an authority of its own, and keys that it does not keep.
@Suite(
    .timeLimit(.minutes(5)),
    .serialized,  // each starts a server of its own, which takes memory
    .enabled(if: StrictS3.python != nil, "moto's server is not installed")
)
struct SecureStoreTests {
    private let id = recordingID(1)

    @Test(
        "a store whose authority is given by text or by file is trusted",
        arguments: [false, true]
    )
    func trusted(_ isFile: Bool) async throws {
        try await withSecureStore({ config, authority, folder in
            if isFile {
                let path = folder + "/ca.pem"
                try authority.write(toFile: path, atomically: true, encoding: .utf8)
                config.caCertificate = PEMSource(path)
            } else {
                config.caCertificate = PEMSource(authority)
            }
        }) { s3, storage in
            let long = noise(11 * mebibyte)
            try await storage.take(id, noise(1000))
            try await storage.take(recordingID(2), long)
            try await storage.waitStored(id)
            try await storage.waitStored(recordingID(2))
            #expect(try await s3.object("\(id)")?.body == noise(1000))
            #expect(try await s3.object("\(recordingID(2))")?.body == long)
            let read = try await storage.storage.read(id, at: 10, count: 5)
            #expect(read.map { Array($0.readableBytesView) } == Array(noise(1000)[10..<15]))
        }
    }

    @Test("a store of an authority that nobody named gets nothing", arguments: [false, true])
    func untrusted(_ hasOther: Bool) async throws {
        try await withSecureStore({ config, _, _ in
            guard hasOther else { return }
            try await StrictS3.run { other in
                config.caCertificate = PEMSource(try await other.listenWithTLS().authority)
            }
        }) { s3, storage in
            try await storage.take(id, noise(1000))
            try await storage.waitCode(.auditS3SingleUploadFailed, count: 2)
            #expect(storage.reasons(.auditS3SingleUploadFailed) == ["network"])
            #expect(try await s3.log().isEmpty)
        }
    }

    @Test("what is encrypted with a key of one's own is kept, resumed and read with it only")
    func customerKey() async throws {
        let key = Data(noise(32)).base64EncodedString()
        try await withSecureStore({ config, authority, _ in
            config.caCertificate = PEMSource(authority)
            config.customerKey = Secret(key)
            config.checksum = .sha256
        }) { s3, storage in
            let long = noise(11 * mebibyte)
            try await storage.take(id, noise(1000))
            try await storage.take(recordingID(2), long)
            try await storage.waitStored(id)
            try await storage.waitStored(recordingID(2))
            try await storage.storage.put("a.head", ByteBuffer(string: "head"))
            #expect(try await storage.storage.get("a.head") == ByteBuffer(string: "head"))
            #expect(try await storage.storage.status(id)?.size == 1000)
            let read = try await storage.storage.read(id, at: 0, count: 2000)
            #expect(read.map { Array($0.readableBytesView) } == noise(1000))
            // The store checks each of these against the object's.
            for operation in ["put", "create", "part", "head", "get"] {
                let entries = try await s3.log(operation)
                #expect(!entries.isEmpty)
                #expect(entries.allSatisfy { $0.refused == nil && $0.hasKey(key) }, "\(operation)")
            }
        }
    }

    @Test(
        "with a key of one's own an upload goes on after a restart, and no part is sent twice",
        arguments: [AuditS3Config.Checksum.sha256, .none]
    )
    func customerKeyOverRestart(_ checksum: AuditS3Config.Checksum) async throws {
        let bytes = noise(17 * mebibyte)
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                var config = s3.config
                let (url, authority) = try await s3.listenWithTLS()
                config.endpoint = url
                config.caCertificate = PEMSource(authority)
                config.customerKey = Secret(Data(noise(32)).base64EncodedString())
                config.checksum = checksum
                try await RunningStorage(config, in: folder).run { storage in
                    try await storage.take(id, Array(bytes[..<(11 * mebibyte)]), isFinished: false)
                    try await storage.waitCode(.auditS3MultipartPartUploadComplete, count: 2)
                }
                let storage = try RunningStorage(config, in: folder)
                try await storage.take(id, bytes, isRecovered: true)
                try await storage.run { storage in
                    try await storage.waitStored(id)
                    for start in stride(from: 0, to: bytes.count, by: mebibyte) {
                        let piece = try await storage.storage.read(
                            id,
                            at: UInt64(start),
                            count: mebibyte
                        )
                        let isRight =
                            piece.map { Array($0.readableBytesView) }
                            == Array(bytes[start..<min(start + mebibyte, bytes.count)])
                        #expect(isRight, "from \(start)")
                    }
                }
                #expect(try await s3.log().allSatisfy { $0.refused == nil })
                // Its ETags tell nothing of the content: without checksums parts go once more.
                let sent = try await s3.log("part").compactMap { $0.query["partNumber"] }.sorted()
                let expected = ["1", "2", "3", "4"]
                #expect(sent == (checksum == .none ? (expected + ["1", "2"]).sorted() : expected))
            }
        }
    }

    @Test("a key that is none, or goes over the wire in clear, is refused")
    func badKeys() {
        var config = AuditS3Config()
        config.endpoint = "https://store.test"
        func rules() -> [String] {
            config.problems(at: "s3").filter { $0.path.hasSuffix("customerKey") }.map(\.rule)
        }
        config.customerKey = Secret(Data(noise(32)).base64EncodedString())
        #expect(rules().isEmpty)
        config.endpoint = "http://store.test"
        #expect(rules() == ["needs an endpoint with https"])
        config.endpoint = ""
        config.serverSideEncryption = .aes256
        #expect(rules() == ["goes with no serverSideEncryption"])
        config.serverSideEncryption = .none
        for text in ["x", Data(noise(31)).base64EncodedString()] {
            config.customerKey = Secret(text)
            #expect(rules() == ["must be 32 bytes in Base64"])
        }
    }
}

extension StrictS3.Entry {
    fileprivate func hasKey(_ key: String) -> Bool {
        let name = "x-amz-server-side-encryption-customer-"
        return fields?[name + "key"] == key && fields?[name + "algorithm"] == "AES256"
    }
}

/// A running storage over TLS.
private func withSecureStore(
    _ change: (inout AuditS3Config, String, String) async throws -> Void,
    _ body: (StrictS3, RunningStorage) async throws -> Void
) async throws {
    try await withFolder { folder in
        try await StrictS3.run { s3 in
            var config = s3.config
            let (url, authority) = try await s3.listenWithTLS()
            config.endpoint = url
            try await change(&config, authority, folder)
            let storage = try RunningStorage(config, in: folder)
            try await storage.run { try await body(s3, $0) }
        }
    }
}
