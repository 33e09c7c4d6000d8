import Foundation
import Glibc
import SharedMessages
import SharedSystem

/// The images that containers without a daemon are made from: unpacked layers by their digest,
/// and records by name.
///
/// Any number of processes may use one store at a time: `lock` guards what is there, a lock of
/// each layer keeps it while somebody uses it, and what is being made lies in `incoming/` until
/// it is whole and on the disk. All functions touch files and belong on a thread that may wait.
/// They throw a `CodedError`.
package struct ImageStore: Sendable {
    let folders: StoreFolders

    /// Where the gateway looks unless its configuration says otherwise.
    package static let defaultPath = "/var/lib/berth/images"

    /// Opens the store at `path`, or makes one there when `creates`.
    package init(path: String, creates: Bool = false) throws {
        folders = StoreFolders(root: path)
        guard creates else { return }
        try Self.coded(path) { [folders] in try folders.make() }
    }

    /// The image of that name, as it is now.
    package func image(_ name: ImageName) throws -> StoredImage {
        try coded {
            guard let image = try folders.image(name.fileName) else {
                throw CodedError(.ociImageNotFound, detail: name.description)
            }
            return image
        }
    }

    /// All images, by name.
    package func images() throws -> [StoredImage] {
        try coded { try folders.images().sorted { $0.name < $1.name } }
    }

    /// Keeps an image's layers from being removed for as long as the result lives.
    package func use(_ name: ImageName) throws -> ImageUse {
        try coded {
            let lock = try folders.lock(LOCK_SH)
            defer { lock.close() }
            let image = try image(name)
            let locks = try image.layers.map { try folders.hold($0.digest) }
            return ImageUse(
                image: image,
                layers: image.layers.reversed().map { folders.layer($0.digest) },
                locks: locks
            )
        }
    }

    /// Takes an image's name away, and removes its layers as soon as nobody uses them.
    ///
    /// - Returns: how many layers are still in use; the next `collect()` meets them.
    @discardableResult
    package func remove(_ name: ImageName) throws -> Int {
        try coded {
            do {
                let lock = try folders.lock(LOCK_EX)
                defer { lock.close() }
                let path = folders.record(name.fileName)
                guard unsafe unlink(path) == 0 else {
                    if errno == ENOENT {
                        throw CodedError(.ociImageNotFound, detail: name.description)
                    }
                    throw SystemFailure("unlink \(path)", errno)
                }
                try FileCalls.sync(folder: path.parentPath)
            }
            return try collect()
        }
    }

    /// Removes layers that no image names and nobody uses, and what interrupted imports left.
    ///
    /// - Returns: how many layers wait for somebody who uses them.
    @discardableResult
    package func collect() throws -> Int {
        try coded {
            var unwanted: [String] = []
            var waiting = 0
            do {
                let lock = try folders.lock(LOCK_EX)
                defer { lock.close() }
                let named = Set(try folders.images().flatMap(\.layers).map(\.digest))
                for digest in try folders.layers() where !named.contains(digest) {
                    if let path = try folders.retire(digest) {
                        unwanted.append(path)
                    } else {
                        waiting += 1
                    }
                }
                unwanted += try folders.abandoned()
            }
            unwanted.forEach(FileCalls.discard)
            return waiting
        }
    }

    private func coded<Value>(_ body: () throws -> Value) throws -> Value {
        try Self.coded(folders.root, body)
    }

    static func coded<Value>(_ place: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw ImageFault.coded(error, place)
        }
    }
}

/// An image whose layers stay where they are until this is let go.
package final class ImageUse: Sendable {
    package let image: StoredImage
    /// The layers' folders, highest first.
    package let layers: [String]
    private let locks: [Descriptor]

    init(image: StoredImage, layers: [String], locks: [Descriptor]) {
        self.image = image
        self.layers = layers
        self.locks = locks
    }

    /// An image with one empty layer at `path`, for trials.
    package convenience init(emptyLayer path: String) {
        let image = StoredImage(
            name: "empty",
            id: "",
            layers: [],
            settings: ImageSettings(),
            imported: .distantPast
        )
        self.init(image: image, layers: [path], locks: [])
    }

    /// Whether the image has a folder at `path`; links are followed within one layer.
    package func hasFolder(_ path: String) -> Bool {
        let name = FileCalls.path(path.drop { $0 == "/" }.utf8)
        guard name.count > 1 else { return true }
        for layer in layers {
            guard let root = try? FileCalls.folder(layer) else { return false }
            do {
                _ = try FileCalls.open(in: root, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
                return true
            } catch {
                guard (error as? SystemFailure)?.number == ENOENT else { return false }
            }
        }
        return false
    }

    /// What the image has at `path`, at most `limit` bytes of it; `nil` if that is no file, or a
    /// longer one. Links are followed within one layer.
    package func contents(of path: String, limit: Int = 1 << 20) -> [UInt8]? {
        let name = FileCalls.path(path.drop { $0 == "/" }.utf8)
        for layer in layers {
            guard let root = try? FileCalls.folder(layer) else { return nil }
            do {
                // Not a device, nor a pipe, on which opening waits.
                let file = try FileCalls.open(in: root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY)
                var facts = stat()
                guard unsafe fstat(file.number, &facts) == 0, facts.isFile else { return nil }
                return try FileCalls.contents(of: file, limit: limit) ?? nil
            } catch {
                // Not in this layer, so a lower one decides; anything else hides the lower ones.
                guard (error as? SystemFailure)?.number == ENOENT else { return nil }
            }
        }
        return nil
    }
}
