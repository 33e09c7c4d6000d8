import Foundation
import Glibc
import SharedMessages
import SharedSystem
import Testing

@testable import SharedImages

@Suite(
    "The image store keeps what is used, and nothing else",
    .enabled(if: Root.isUser, Root.reason)
)
struct StoreTests {
    private static func tar(_ text: String) -> TarMaker {
        TarMaker.make { $0.add("etc/passwd", content: text) }
    }

    @Test("a layer in use outlives its image, and goes with the next collection after that")
    func keepsLayerInUse() throws {
        try StoreFixture.with { fixture in
            let image = try fixture.importing(Self.tar("x")).image
            let name = try #require(ImageName("test"))
            var use: ImageUse? = try fixture.store.use(name)
            try #expect(fixture.store.remove(name) == 1)
            try #expect(fixture.names("layers") == [image.layers[0].digest])
            #expect(use?.contents(of: "/etc/passwd") == Array("x".utf8))
            let error = #expect(throws: CodedError.self) { try fixture.store.use(name) }
            #expect(error?.code == .ociImageNotFound)
            use = nil
            try #expect(fixture.store.collect() == 0)
            try #expect(fixture.names("layers") == [])
            try #expect(fixture.names("holds") == [])
            try #expect(fixture.names("incoming") == [])
        }
    }

    @Test("two images share a layer until the second is removed")
    func sharesLayers() throws {
        try StoreFixture.with { fixture in
            _ = try fixture.importing(Self.tar("x"), as: "team/a:1")
            _ = try fixture.importing(Self.tar("x"), as: "team/b")
            try #expect(fixture.store.images().map(\.name) == ["team/a:1", "team/b:latest"])
            try #expect(fixture.names("layers").count == 1)
            try fixture.store.remove(#require(ImageName("team/a:1")))
            try #expect(fixture.names("layers").count == 1)
            try fixture.store.remove(#require(ImageName("team/b")))
            try #expect(fixture.names("layers").count == 0)
        }
    }

    @Test("a name that is imported again means the new image, and the old layers go")
    func replacesName() throws {
        try StoreFixture.with { fixture in
            _ = try fixture.importing(Self.tar("old"))
            _ = try fixture.importing(Self.tar("new"))
            try #expect(fixture.names("layers").count == 1)
            try #expect(StoreFixture.text(fixture.top() + "/etc/passwd") == "new")
        }
    }

    @Test("what a killed import left is removed by the next collection, a living one's is not")
    func collectsAbandoned() throws {
        try StoreFixture.with { fixture in
            let living = try fixture.store.folders.makeStaging()
            let dead = try fixture.store.folders.makeStaging()
            _ = try FileManager.default.createDirectory(
                atPath: dead.path + "/layer-0/a/b",
                withIntermediateDirectories: true
            )
            dead.lock.close()
            try fixture.store.collect()
            try #expect(fixture.names("incoming") == [String(living.path.lastComponent)])
        }
    }

    @Test("imports and removals side by side leave a store that is whole")
    func worksConcurrently() async throws {
        let folder = NSTemporaryDirectory() + "berth-images-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try ImageStore(path: folder + "/store", creates: true)
        let fixture = StoreFixture(store: store, folder: folder)
        let name = try #require(ImageName("test"))
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask { @concurrent in
                    for round in 0..<10 {
                        do {
                            _ = try fixture.importing(Self.tar("\((worker + round) % 3)"))
                            let use = try store.use(name)
                            #expect(use.contents(of: "etc/passwd")?.count == 1)
                            try store.remove(name)
                        } catch let error as CodedError {
                            #expect(error.code == .ociImageNotFound, "\(error)")
                        } catch {
                            Issue.record(error)
                        }
                    }
                }
            }
        }
        try store.collect()
        let digests = Set(try store.images().flatMap(\.layers).map(\.digest))
        try #expect(Set(fixture.names("layers")) == digests)
        try #expect(fixture.names("incoming") == [])
    }

    @Test("a disk without room fails the import with a code, and leaves nothing")
    func reportsFullDisk() throws {
        let folder = NSTemporaryDirectory() + "berth-images-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let mounted = unsafe mount("tmpfs", folder, "tmpfs", 0, "size=256k")
        try #require(mounted == 0)
        defer {
            unsafe umount(folder)
            try? FileManager.default.removeItem(atPath: folder)
        }
        let store = try ImageStore(path: folder + "/store", creates: true)
        try StoreFixture.with { fixture in
            let tar = TarMaker.make { tar in
                tar.add("file", content: String(repeating: "x", count: 1 << 20))
            }
            let path = try fixture.write(tar.bytes, "image.tar")
            let name = try #require(ImageName("test"))
            let error = #expect(throws: CodedError.self) {
                try ImageImporter(store: store).run(name, from: path)
            }
            #expect(error?.code == .ociImageStoreFailed)
            #expect(error?.detail.contains("No space left") == true)
            let left = try FileManager.default.contentsOfDirectory(
                atPath: folder + "/store/incoming"
            )
            #expect(left == [])
        }
    }

    @Test(
        "names are checked",
        arguments: [
            "", "/a", "a/", "a//b", "../a", "a:b:c", "a:b/c", "-a", "a b", "a~b", "ä", "a:",
            String(repeating: "a", count: 201),
        ]
    )
    func refusesName(_ text: String) { #expect(ImageName(text) == nil) }

    @Test("a name without a tag has the tag latest")
    func completesName() {
        #expect(ImageName("a/b.c-d_e")?.description == "a/b.c-d_e:latest")
        #expect(ImageName("a:1.2")?.description == "a:1.2")
    }
}
