import Foundation
import Glibc
import SharedSystem

/// Where the parts of a store lie, and the steps that must not be interrupted.
///
/// ```
/// lock                  held by whoever changes what is there
/// images/NAME.json      a `StoredImage`
/// layers/DIGEST/        a layer's root folder
/// holds/DIGEST          held shared by whoever uses the layer
/// incoming/UUID/        being made, or to be deleted; its `lock` is held by the maker
/// ```
struct StoreFolders: Sendable {
    let root: String

    func make() throws {
        // What images hold is nothing for the host's users: programs with the set-user-ID bit.
        try FileManager.default.createDirectory(
            atPath: root.parentPath,
            withIntermediateDirectories: true
        )
        try FileCalls.makeFolder(root, mode: 0o700)
        for name in ["images", "layers", "holds", "incoming"] {
            try FileCalls.makeFolder(root + "/" + name, mode: 0o700)
        }
    }

    func record(_ fileName: String) -> String { root + "/images/" + fileName }
    func layer(_ digest: String) -> String { root + "/layers/" + digest }
    private func holdPath(_ digest: String) -> String { root + "/holds/" + digest }

    /// The lock of the whole store, given back when the result is closed. Held for moments only.
    func lock(_ kind: Int32) throws -> Descriptor {
        let file = try FileCalls.open(root + "/lock", O_RDWR | O_CREAT, mode: 0o600)
        _ = try FileCalls.lock(file, kind, waits: true)
        return file
    }

    // MARK: - With the lock

    func image(_ fileName: String) throws -> StoredImage? {
        let file: Descriptor
        do {
            file = try FileCalls.open(record(fileName), O_RDONLY)
        } catch let failure as SystemFailure where failure.number == ENOENT {
            return nil
        }
        let bytes = try FileCalls.contents(of: file, limit: ImageLimits.document) ?? []
        do {
            return try JSONDecoder().decode(StoredImage.self, from: Data(bytes))
        } catch {
            throw ImageFault.invalid("\(fileName) is damaged: \(error)")
        }
    }

    func images() throws -> [StoredImage] {
        try names(in: "images").filter { $0.hasSuffix(".json") }
            .compactMap { try image($0) }
    }

    func layers() throws -> [String] { try names(in: "layers") }

    func hasLayer(_ digest: String) -> Bool { unsafe access(layer(digest), F_OK) == 0 }

    /// Keeps a layer that is there.
    func hold(_ digest: String) throws -> Descriptor {
        let file = try FileCalls.open(holdPath(digest), O_RDWR | O_CREAT, mode: 0o600)
        _ = try FileCalls.lock(file, LOCK_SH, waits: true)
        guard hasLayer(digest) else {
            throw ImageFault.invalid("the layer \(digest) is missing; import the image again")
        }
        return file
    }

    /// Moves a layer away for deletion: its new place, or `nil` while somebody uses it.
    func retire(_ digest: String) throws -> String? {
        let file = try FileCalls.open(holdPath(digest), O_RDWR | O_CREAT, mode: 0o600)
        guard try FileCalls.lock(file, LOCK_EX, waits: false) else { return nil }
        let place = incoming()
        _ = try SystemFailure.check("rename \(place)", unsafe rename(layer(digest), place))
        _ = unsafe unlink(holdPath(digest))
        return place
    }

    /// Puts a finished layer in its place, unless another import was faster.
    func place(_ folder: String, as digest: String) throws {
        guard !hasLayer(digest) else { return }
        let path = layer(digest)
        _ = try SystemFailure.check("rename \(path)", unsafe rename(folder, path))
        try FileCalls.sync(folder: root + "/layers")
    }

    /// What interrupted imports and deletions left.
    func abandoned() throws -> [String] {
        try names(in: "incoming").map { root + "/incoming/" + $0 }
            .filter { folder in
                guard let lock = try? FileCalls.open(folder + "/lock", O_RDWR) else { return true }
                return (try? FileCalls.lock(lock, LOCK_EX, waits: false)) ?? false
            }
    }

    /// A folder for an import, which others leave alone while the lock is open.
    func makeStaging() throws -> (path: String, lock: Descriptor) {
        let path = incoming()
        try FileCalls.makeFolder(path, mode: 0o700)
        let lock = try FileCalls.open(path + "/lock", O_RDWR | O_CREAT, mode: 0o600)
        _ = try FileCalls.lock(lock, LOCK_EX, waits: false)
        return (path, lock)
    }

    private func incoming() -> String { root + "/incoming/" + UUID().uuidString.lowercased() }

    private func names(in folder: String) throws -> [String] {
        let entries = try FileCalls.entries(of: try FileCalls.folder(root + "/" + folder))
        return entries.map {
            String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }
}
