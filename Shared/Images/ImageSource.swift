import Glibc
import SharedSystem

/// What an import starts from.
enum ImageSource {
    /// A tar file with a whole file system.
    case fileSystem(Descriptor)
    case layout(OCILayout)
    case dockerSave(DockerSave)

    /// Recognises an image in a folder.
    init(folder: Descriptor) throws {
        let documents = DocumentFolder(folder)
        if documents.has("index.json") {
            self = .layout(OCILayout(documents))
        } else if documents.has("manifest.json") {
            self = .dockerSave(DockerSave(documents))
        } else {
            throw ImageFault.invalid(
                "it has neither the index.json of an OCI image layout nor a manifest.json"
            )
        }
    }

    /// Whether a tar file holds an image and not a file system, told by its first names.
    static func isArchive(_ file: Descriptor, _ limits: ImageLimits) throws -> Bool {
        let reader = try TarReader(file, limit: limits.bytes)
        while let entry = try reader.next() {
            guard let first = entry.path.components.first else { continue }
            let name = String(decoding: first, as: UTF8.self)
            return partNames.contains(name) || isDigest(name.replacing(".json", with: ""))
        }
        throw ImageFault.invalid("it is empty")
    }

    /// At the top of image layouts and of what `docker save` writes.
    private static let partNames: Set = [
        "blobs", "oci-layout", "index.json", "manifest.json", "repositories",
    ]

    /// How the image is made.
    func plan(reference: String?, architecture: String) throws -> ImagePlan {
        let plan =
            switch self {
            case .fileSystem(let file): ImagePlan(layers: [LayerSource(file: file)])
            case .layout(let layout):
                try layout.plan(reference: reference, architecture: architecture)
            case .dockerSave(let save):
                try save.plan(reference: reference, architecture: architecture)
            }
        guard !plan.layers.isEmpty else { throw ImageFault.invalid("it has no layers") }
        guard plan.layers.count <= ImageLimits.layers else {
            throw ImageFault.tooLarge("more than \(ImageLimits.layers) layers")
        }
        return plan
    }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}

/// What an image consists of.
struct ImagePlan {
    /// SHA-256 of the image's configuration; `nil` where it has none.
    var id: String?
    /// Lowest first.
    var layers: [LayerSource]
    var settings = ImageSettings()
}

/// A layer's tar file, with the digests that it must have where they are known.
struct LayerSource {
    var file: Descriptor
    /// Of the file as it is.
    var fileDigest: String?
    /// Of the uncompressed tar file.
    var contentDigest: String?
}
