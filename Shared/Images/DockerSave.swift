/// What `docker save` writes: a `manifest.json` beside configurations and layers.
struct DockerSave {
    private let folder: DocumentFolder

    private struct Image: Decodable {
        var Config: String
        var RepoTags: [String]?
        var Layers: [String]
    }

    init(_ folder: DocumentFolder) { self.folder = folder }

    func plan(reference: String?, architecture: String) throws -> ImagePlan {
        let images = try folder.document([Image].self, "manifest.json").document
        let named = images.filter { image in
            reference.map { image.RepoTags?.contains($0) ?? false } ?? true
        }
        guard let image = named.first else {
            throw ImageFault.invalid("it has no image\(reference.map { " " + $0 } ?? "")")
        }
        guard named.count == 1 else {
            let names = images.flatMap { $0.RepoTags ?? [] }.joined(separator: ", ")
            throw ImageFault.invalid("it has several images; name one of: \(names)")
        }
        let config = try folder.document(ImageDocument.self, image.Config)
        try config.document.check(architecture: architecture)
        let digests = try config.document.layerDigests(image.Layers.count)
        return ImagePlan(
            id: config.digest,
            layers: try zip(image.Layers, digests)
                .map { LayerSource(file: try folder.file($0), contentDigest: $1) },
            settings: config.document.settings
        )
    }
}
