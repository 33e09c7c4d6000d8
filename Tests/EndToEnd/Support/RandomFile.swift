import Crypto
import Foundation

extension Installation {
    /// A file of random bytes, and what they hash to.
    func randomFile(megabytes: Int) throws -> (URL, SHA256.Digest) {
        let file = config.folder.appending(path: "random-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        let output = try FileHandle(forWritingTo: file)
        let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
        for _ in 0..<megabytes {
            try output.write(contentsOf: try random.read(upToCount: 1_000_000) ?? Data())
        }
        try output.close()
        return (file, try Self.sha256(of: file))
    }

    static func sha256(of file: URL) throws -> SHA256.Digest {
        var hash = SHA256()
        let handle = try FileHandle(forReadingFrom: file)
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
            hash.update(data: piece)
        }
        return hash.finalize()
    }
}
