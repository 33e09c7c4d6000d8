import Crypto
import Foundation
import Glibc
import SharedSystem

/// The folder of an image: documents and layers by their path, which never lead out of it.
struct DocumentFolder {
    private let root: Descriptor

    init(_ root: Descriptor) { self.root = root }

    func has(_ path: String) -> Bool { (try? file(path)) != nil }

    /// A file of the folder.
    func file(_ path: String) throws -> Descriptor {
        let file: Descriptor
        do {
            let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
            file = try FileCalls.open(in: root, FileCalls.path(path.utf8), flags)
        } catch {
            throw ImageFault.invalid("\(path) cannot be read: \(error)")
        }
        var facts = stat()
        guard unsafe fstat(file.number, &facts) == 0, facts.isFile else {
            throw ImageFault.invalid("\(path) is not a file")
        }
        return file
    }

    /// A JSON document; with a digest, only if it has that.
    func document<Document: Decodable>(
        _ type: Document.Type,
        _ path: String,
        digest: String? = nil
    ) throws -> (document: Document, digest: String) {
        let found = try FileCalls.contents(of: try file(path), limit: ImageLimits.document)
        guard let bytes = found else {
            throw ImageFault.tooLarge("\(path) has more than \(ImageLimits.document) bytes")
        }
        let actual = SHA256.hash(data: bytes).hex
        if let digest, digest != actual {
            throw ImageFault.invalid("\(path) is damaged: it has the digest \(actual)")
        }
        do {
            return (try JSONDecoder().decode(type, from: Data(bytes)), actual)
        } catch {
            throw ImageFault.invalid("\(path) does not say what it must: \(error)")
        }
    }
}

/// An image's configuration (image-spec, config.md), as far as it matters here. `docker save`
/// writes the same.
struct ImageDocument: Decodable {
    struct Config: Decodable {
        var User: String?
        var Env: [String]?
        var WorkingDir: String?
    }

    struct FileSystem: Decodable {
        var diff_ids: [String]
    }

    var architecture: String?
    var os: String?
    var config: Config?
    var rootfs: FileSystem

    /// The digests of the uncompressed layers, lowest first; there must be `count`.
    func layerDigests(_ count: Int) throws -> [String] {
        guard rootfs.diff_ids.count == count else {
            throw ImageFault.invalid(
                "its configuration names \(rootfs.diff_ids.count) layers, its manifest \(count)"
            )
        }
        return try rootfs.diff_ids.map(digestNumber)
    }

    func check(architecture wanted: String) throws {
        if let os, os != "linux" { throw ImageFault.invalid("it is for \(os), not for linux") }
        if let architecture, architecture != wanted {
            throw ImageFault.invalid("it is for \(architecture), and this machine is \(wanted)")
        }
    }

    var settings: ImageSettings {
        var settings = ImageSettings()
        settings.environment = (config?.Env ?? []).filter { entry in
            entry.firstIndex(of: "=").map { $0 > entry.startIndex } ?? false
                && !entry.utf8.contains(0)
        }
        settings.user = config?.User ?? ""
        settings.workingDirectory = config?.WorkingDir ?? ""
        return settings
    }
}

/// The digits of `sha256:…`.
func digestNumber(_ text: String) throws -> String {
    let number = text.dropFirst("sha256:".count)
    guard text.hasPrefix("sha256:"), ImageSource.isDigest(String(number)) else {
        throw ImageFault.invalid("\"\(text.prefix(100))\" is not a sha256 digest")
    }
    return String(number)
}
