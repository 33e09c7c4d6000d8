import CFiles
import Foundation
import Glibc
import SharedMessages
import SharedSystem
import Testing

@testable import SharedImages

@Suite("An image is imported from every form", .enabled(if: Root.isUser, Root.reason))
struct ImportTests {
    static let fileSystem = TarMaker.make { tar in
        tar.folder("./", mode: 0o755)
        tar.folder("./bin")
        tar.add("./bin/tool", content: "#!/bin/sh\n", mode: 0o4755)
        tar.add("./bin/other", type: "1", link: "./bin/tool")
        tar.add("./bin/link", type: "2", link: "../../../etc/passwd")
        tar.folder("./home", mode: 0o1777, owner: 1000)
        tar.add("./home/ä ö", content: "umlaut", owner: 1000)
        tar.add("./fifo", type: "6")
    }

    @Test(
        "a file system's tar file keeps owners, modes, links and names, however it is compressed",
        arguments: ["cat", "gzip -c", "zstd -qc", "xz -c", "bzip2 -c"]
    )
    func importsFileSystem(_ tool: String) throws {
        try StoreFixture.with { fixture in
            let bytes = try filtered(Self.fileSystem.bytes, tool)
            let outcome = try fixture.run(try fixture.write(bytes, "image"))
            #expect(outcome.image.name == "test:latest")
            #expect(outcome.image.id == Self.fileSystem.digest)
            let top = try fixture.top()
            #expect(StoreFixture.facts(top + "/bin/tool")?.st_mode == S_IFREG | 0o4755)
            #expect(
                StoreFixture.facts(top + "/bin/tool")?.st_ino
                    == StoreFixture.facts(top + "/bin/other")?.st_ino
            )
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: top + "/bin/link")
            #expect(link == "../../../etc/passwd")
            let home = try #require(StoreFixture.facts(top + "/home"))
            #expect(home.st_mode == S_IFDIR | 0o1777 && home.st_uid == 1000)
            #expect(home.st_mtim.tv_sec == 1_600_000_000)
            #expect(StoreFixture.text(top + "/home/ä ö") == "umlaut")
            #expect(StoreFixture.facts(top + "/fifo")?.st_mode == S_IFIFO | 0o644)
        }
    }

    static func layered() -> LayoutMaker {
        let lower = TarMaker.make { tar in
            tar.folder("etc")
            tar.add("etc/gone", content: "1")
            tar.add("etc/kept", content: "lower")
            tar.folder("old")
            tar.add("old/file", content: "1")
            tar.folder("new")
        }
        let upper = TarMaker.make { tar in
            tar.folder("etc")
            tar.add("etc/.wh.gone")
            tar.folder("old")
            tar.add("old/.wh..wh..opq")
            tar.add("old/own", content: "2")
            tar.add(".wh.new")
            tar.folder("new")
            tar.add("new/own", content: "2")
        }
        var layout = LayoutMaker()
        layout.image([(lower, lower.bytes), (upper, (try? filtered(upper.bytes, "gzip -c")) ?? [])])
        return layout
    }

    @Test("an image layout's whiteouts become those of overlayfs", arguments: [true, false])
    func importsLayout(isFolder: Bool) throws {
        try StoreFixture.with { fixture in
            let layout = Self.layered()
            let path =
                isFolder
                ? try layout.write(fixture) : try fixture.write(layout.tar.bytes, "layout.tar")
            // What is text in the tar maker is not what compressed bytes are.
            guard isFolder else { return }
            let image = try fixture.run(path).image
            #expect(image.layers.count == 2)
            #expect(image.settings.environment == ["PATH=/bin", "A=b"])
            #expect(image.settings.user == "1:2" && image.settings.workingDirectory == "/w")
            let top = try fixture.top()
            #expect(StoreFixture.facts(top + "/etc/gone")?.isWhiteout == true)
            try #expect(isOpaque(top + "/old"))
            try #expect(isOpaque(top + "/new"))
            try #expect(!isOpaque(top + "/etc"))
        }
    }

    private func isOpaque(_ path: String) throws -> Bool {
        let folder = try FileCalls.folder(path)
        var value: UInt8 = 0
        let count = unsafe berth_get_attribute(folder.number, "trusted.overlay.opaque", &value, 1)
        return count == 1 && value == UInt8(ascii: "y")
    }

    @Test("an image layout in a tar file is recognised")
    func importsLayoutTar() throws {
        try StoreFixture.with { fixture in
            let layer = TarMaker.make { $0.add("file", content: "text") }
            var layout = LayoutMaker()
            layout.image([(layer, layer.bytes)])
            let image = try fixture.importing(layout.tar).image
            #expect(image.layers.map(\.digest) == [layer.digest])
            try #expect(StoreFixture.text(fixture.top() + "/file") == "text")
        }
    }

    @Test("what docker save writes is recognised, links between layers included")
    func importsDockerSave() throws {
        try StoreFixture.with { fixture in
            let layer = TarMaker.make { $0.add("file", content: "text") }
            let id = String(repeating: "ab", count: 32)
            let config = """
                {"architecture":"\(ImageLimits.thisMachine)","os":"linux","config":{"Env":["A=b"]},\
                "rootfs":{"diff_ids":["sha256:\(layer.digest)","sha256:\(layer.digest)"]}}
                """
            let save = TarMaker.make { tar in
                tar.folder(id)
                tar.add(id + "/layer.tar", content: String(decoding: layer.bytes, as: UTF8.self))
                tar.folder("second")
                tar.add("second/layer.tar", type: "2", link: "../\(id)/layer.tar")
                tar.add("c.json", content: config)
                tar.add(
                    "manifest.json",
                    content:
                        #"[{"Config":"c.json","RepoTags":["a:1"],"Layers":["\#(id)/layer.tar","second/layer.tar"]}]"#
                )
            }
            let path = try fixture.write(save.bytes, "save.tar")
            let image = try fixture.run(path, reference: "a:1").image
            #expect(image.layers.map(\.digest) == [layer.digest])
            #expect(image.settings.environment == ["A=b"])
            let error = #expect(throws: CodedError.self) {
                try fixture.run(path, reference: "b:1")
            }
            #expect(error?.code == .ociImageInvalid)
        }
    }

    @Test("one of several images is chosen by its reference, and never by chance")
    func choosesReference() throws {
        try StoreFixture.with { fixture in
            let first = TarMaker.make { $0.add("file", content: "1") }
            let second = TarMaker.make { $0.add("file", content: "2") }
            var layout = LayoutMaker()
            layout.image([(first, first.bytes)], reference: "one")
            layout.image([(second, second.bytes)], reference: "two")
            let path = try layout.write(fixture)
            try #expect(fixture.run(path, reference: "two").image.layers[0].digest == second.digest)
            let error = #expect(throws: CodedError.self) { try fixture.run(path) }
            #expect(error?.detail.contains("one, two") == true)
        }
    }

    @Test("an image for another machine is refused")
    func refusesOtherMachine() throws {
        try StoreFixture.with { fixture in
            let layer = TarMaker.make { $0.add("file") }
            var layout = LayoutMaker()
            layout.image([(layer, layer.bytes)], architecture: "s390x")
            let error = #expect(throws: CodedError.self) {
                try fixture.run(try layout.write(fixture))
            }
            #expect(error?.code == .ociImageInvalid)
        }
    }

    @Test("a changed layer, configuration or content digest is refused", arguments: 0..<3)
    func refusesDamage(_ what: Int) throws {
        try StoreFixture.with { fixture in
            let layer = TarMaker.make { $0.add("file", content: "text") }
            var layout = LayoutMaker()
            let wrong = String(repeating: "0", count: 64)
            layout.image([(layer, layer.bytes)], contentDigests: what == 2 ? [wrong] : nil)
            layout.spoil { files in
                for (path, bytes) in files where path.hasPrefix("blobs/") {
                    let isLayer = bytes == layer.bytes
                    if what == 0, isLayer { files[path]?[600] ^= 1 }
                    if what == 1, !isLayer { files[path] = bytes + [0x20] }
                }
            }
            let error = #expect(throws: CodedError.self) {
                try fixture.run(try layout.write(fixture))
            }
            #expect(error?.code == .ociImageInvalid)
            try #expect(fixture.names("incoming") == [])
            try #expect(fixture.names("layers") == [])
        }
    }
}
