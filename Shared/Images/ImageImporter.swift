import CFiles
import Foundation
import Glibc
import SharedMessages
import SharedSystem

/// Brings an image into a store: a file system as a tar file, an OCI image layout as a folder or a
/// tar file, or what `docker save` writes; tar files may be compressed.
///
/// Nothing of it is visible before all of it is on the disk; what fails or is killed leaves only
/// what the store's next collection removes. Needs root, for owners and whiteouts.
package struct ImageImporter {
    private let store: ImageStore
    private let limits: ImageLimits
    /// `amd64`, `arm64`, …: images for other machines are refused.
    private let architecture: String

    /// What an import did.
    package struct Outcome: Sendable {
        package var image: StoredImage
        /// Device nodes and sockets, which containers do not take from images.
        package var skipped: Int
    }

    package init(store: ImageStore, limits: ImageLimits = ImageLimits()) {
        self.store = store
        self.limits = limits
        architecture = Self.machine
    }

    /// Imports the file or folder at `path`; an image that has the name already is replaced for
    /// whoever starts afterwards.
    ///
    /// `reference` picks one of several images of an archive, by its tag or reference name.
    package func run(
        _ name: ImageName,
        from path: String,
        reference: String? = nil
    ) throws -> Outcome {
        try ImageStore.coded(path) {
            let staging = try locked(LOCK_EX) { try store.folders.makeStaging() }
            defer {
                FileCalls.discard(staging.path)
                staging.lock.close()
            }
            var usage = LayerUnpacker.Usage()
            let source = try source(path, staging.path, &usage)
            let plan = try source.plan(reference: reference, architecture: architecture)
            let made = try layers(plan, staging.path, usage)
            let image = StoredImage(
                name: name.description,
                id: plan.id ?? made.layers.last?.layer.digest ?? "",
                layers: Self.unrepeated(made.layers.map(\.layer)),
                settings: plan.settings,
                imported: Date()
            )
            try commit(image, name, made, staging.path)
            // What the name meant before may now be nobody's.
            try store.collect()
            return Outcome(image: image, skipped: made.usage.skipped)
        }
    }

    // MARK: - Steps

    private struct Made {
        /// Lowest first; `folder` is `nil` for one that the store has already.
        var layers: [(layer: StoredImage.Layer, folder: String?)] = []
        var holds: [Descriptor] = []
        var usage = LayerUnpacker.Usage()
    }

    private func source(
        _ path: String,
        _ staging: String,
        _ usage: inout LayerUnpacker.Usage
    ) throws -> ImageSource {
        let file = try FileCalls.open(path, O_RDONLY)
        var facts = stat()
        guard unsafe fstat(file.number, &facts) == 0 else { throw SystemFailure("stat", errno) }
        if facts.isFolder { return try ImageSource(folder: file) }
        guard facts.isFile else { throw ImageFault.invalid("it is neither a file nor a folder") }
        guard try ImageSource.isArchive(file, limits) else { return .fileSystem(file) }
        let folder = staging + "/archive"
        try FileCalls.makeFolder(folder, mode: 0o700)
        var unpacker = try LayerUnpacker(into: folder, limits: limits, usage: usage)
        try unpacker.unpack(try TarReader(file, limit: limits.bytes))
        return try ImageSource(folder: try FileCalls.folder(folder))
    }

    private func layers(
        _ plan: ImagePlan,
        _ staging: String,
        _ usage: LayerUnpacker.Usage
    ) throws -> Made {
        var made = Made(usage: usage)
        for (index, source) in plan.layers.enumerated() {
            if let digest = source.contentDigest, let known = try existing(digest) {
                made.holds.append(known.hold)
                made.layers.append((known.layer, nil))
                continue
            }
            let folder = "\(staging)/layer-\(index)"
            let layer = try unpack(source, folder, &made.usage)
            made.layers.append((layer, folder))
        }
        let device = try FileCalls.folder(staging)
        _ = try SystemFailure.result("syncfs", berth_sync_file_system(device.number))
        return made
    }

    private func unpack(
        _ source: LayerSource,
        _ folder: String,
        _ usage: inout LayerUnpacker.Usage
    ) throws -> StoredImage.Layer {
        // What a layer without an entry for its root gets.
        try FileCalls.makeFolder(folder, mode: 0o755)
        let before = usage.bytes
        var unpacker = try LayerUnpacker(into: folder, limits: limits, usage: usage)
        let reader = try TarReader(source.file, limit: limits.bytes)
        try unpacker.unpack(reader)
        usage = unpacker.usage
        let digests = try reader.digests()
        if let wanted = source.fileDigest, wanted != digests.file {
            throw ImageFault.invalid("a layer is damaged: it has \(digests.file), not \(wanted)")
        }
        if let wanted = source.contentDigest, wanted != digests.content {
            throw ImageFault.invalid("a layer is damaged: it has \(digests.content), not \(wanted)")
        }
        return StoredImage.Layer(digest: digests.content, size: usage.bytes - before)
    }

    /// A layer that an image of the store has already.
    private func existing(
        _ digest: String
    ) throws -> (layer: StoredImage.Layer, hold: Descriptor)? {
        try locked(LOCK_SH) {
            let known = try store.folders.images().flatMap(\.layers).first { $0.digest == digest }
            guard let known, store.folders.hasLayer(digest) else { return nil }
            return (known, try store.folders.hold(digest))
        }
    }

    private func commit(
        _ image: StoredImage,
        _ name: ImageName,
        _ made: Made,
        _ staging: String
    ) throws {
        try locked(LOCK_EX) {
            for (layer, folder) in made.layers {
                if let folder { try store.folders.place(folder, as: layer.digest) }
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let record = try encoder.encode(image)
            try FileCalls.replace(store.folders.record(name.fileName), with: Array(record))
        }
        withExtendedLifetime(made.holds) {}
    }

    private func locked<Value>(_ kind: Int32, _ body: () throws -> Value) throws -> Value {
        let lock = try store.folders.lock(kind)
        defer { lock.close() }
        return try body()
    }

    /// overlayfs takes no folder twice; the higher one of two hides the lower.
    private static func unrepeated(_ layers: [StoredImage.Layer]) -> [StoredImage.Layer] {
        var seen: Set<String> = []
        return layers.reversed().filter { seen.insert($0.digest).inserted }.reversed()
    }

    private static var machine: String {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            #error("an architecture whose name in images is not known here")
        #endif
    }
}
