/// An OCI image layout (image-spec, image-layout.md).
struct OCILayout {
    private let folder: DocumentFolder

    private struct Content: Decodable {
        struct Platform: Decodable {
            var architecture: String?
            var os: String?
        }

        var mediaType: String?
        var digest: String
        var platform: Platform?
        var annotations: [String: String]?

        var isIndex: Bool {
            mediaType == "application/vnd.oci.image.index.v1+json"
                || mediaType == "application/vnd.docker.distribution.manifest.list.v2+json"
        }

        /// What names an image: `latest`, or a whole reference.
        var references: [String] {
            ["org.opencontainers.image.ref.name", "io.containerd.image.name"]
                .compactMap { annotations?[$0] }
        }

        func isFor(_ architecture: String) -> Bool {
            guard let platform else { return true }
            return platform.os ?? "linux" == "linux"
                && platform.architecture ?? architecture == architecture
        }
    }

    private struct Index: Decodable {
        var manifests: [Content]
    }

    private struct Manifest: Decodable {
        var config: Content
        var layers: [Content]
    }

    /// An index may lead to others; more of them than that only in jest.
    private static let maximumDepth = 4

    init(_ folder: DocumentFolder) { self.folder = folder }

    func plan(reference: String?, architecture: String) throws -> ImagePlan {
        let index = try folder.document(Index.self, "index.json").document
        let named = index.manifests.filter { content in
            reference.map(content.references.contains) ?? true
        }
        let found = try manifests(named, architecture, depth: 1)
        guard let first = found.first else {
            throw ImageFault.invalid(
                "it has no image \(reference.map { $0 + " " } ?? "")for linux on \(architecture)"
            )
        }
        guard found.count == 1 || Set(found.map(\.digest)).count == 1 else {
            let names = index.manifests.flatMap(\.references).joined(separator: ", ")
            throw ImageFault.invalid("it has several images; name one of: \(names)")
        }
        return try plan(first, architecture)
    }

    private func manifests(
        _ contents: [Content],
        _ architecture: String,
        depth: Int
    ) throws -> [Content] {
        guard depth <= Self.maximumDepth else {
            throw ImageFault.invalid("its indexes are nested too deep")
        }
        return try contents.filter { $0.isFor(architecture) }
            .flatMap { content -> [Content] in
                guard content.isIndex else { return [content] }
                let inner = try document(Index.self, content).document
                return try manifests(inner.manifests, architecture, depth: depth + 1)
            }
    }

    private func plan(_ content: Content, _ architecture: String) throws -> ImagePlan {
        let manifest = try document(Manifest.self, content).document
        let config = try document(ImageDocument.self, manifest.config)
        try config.document.check(architecture: architecture)
        let digests = try config.document.layerDigests(manifest.layers.count)
        return ImagePlan(
            id: config.digest,
            layers: try zip(manifest.layers, digests)
                .map { layer, contentDigest in
                    LayerSource(
                        file: try folder.file(try path(layer)),
                        fileDigest: try digestNumber(layer.digest),
                        contentDigest: contentDigest
                    )
                },
            settings: config.document.settings
        )
    }

    private func document<Document: Decodable>(
        _ type: Document.Type,
        _ content: Content
    ) throws -> (document: Document, digest: String) {
        try folder.document(type, try path(content), digest: try digestNumber(content.digest))
    }

    private func path(_ content: Content) throws -> String {
        "blobs/sha256/" + (try digestNumber(content.digest))
    }
}
