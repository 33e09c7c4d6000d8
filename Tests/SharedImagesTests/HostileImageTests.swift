import CFiles
import Foundation
import Glibc
import SharedMessages
import SharedSystem
import Testing

@testable import SharedImages

@Suite("A hostile image stays in its folder", .enabled(if: Root.isUser, Root.reason))
struct HostileImageTests {
    @Test(
        "a path that leads up is refused",
        arguments: ["../evil", "a/../../evil", "..", "a/.."]
    )
    func refusesUpwardPath(_ path: String) throws {
        try refused { $0.add(path, content: "evil") }
        try refused { tar in
            tar.add("file")
            tar.add("name", type: "1", link: path)
        }
    }

    @Test("a file written through a symbolic link lands below the root", arguments: [true, false])
    func keepsBelowRoot(isAbsolute: Bool) throws {
        try StoreFixture.with { fixture in
            let outside = fixture.folder + "/outside"
            try FileManager.default.createDirectory(
                atPath: outside,
                withIntermediateDirectories: true
            )
            let target = isAbsolute ? outside : "../../../outside"
            let tar = TarMaker.make { tar in
                tar.add("link", type: "2", link: target)
                tar.folder(target.replacing("../", with: "/"))
                tar.add("link/file", content: "evil")
            }
            // In the image, the root's parent is the root.
            try? _ = fixture.importing(tar)
            let found = try FileManager.default.contentsOfDirectory(atPath: outside)
            #expect(found == [])
            #expect(!FileManager.default.fileExists(atPath: fixture.folder + "/store/outside/file"))
        }
    }

    @Test("a symbolic link to nowhere in the way of a path is refused")
    func refusesDanglingParent() throws {
        try refused { tar in
            tar.add("link", type: "2", link: "/nowhere")
            tar.add("link/file", content: "evil")
        }
    }

    @Test("a file over a symbolic link replaces the link")
    func replacesLink() throws {
        try StoreFixture.with { fixture in
            let victim = try fixture.write(Array("good".utf8), "victim")
            let tar = TarMaker.make { tar in
                tar.add("name", type: "2", link: victim)
                tar.add("name", content: "evil", mode: 0o777)
                tar.add("folder", type: "2", link: fixture.folder)
                tar.folder("folder", mode: 0o777, owner: 12345)
            }
            _ = try fixture.importing(tar)
            #expect(StoreFixture.text(victim) == "good")
            #expect(StoreFixture.facts(fixture.folder)?.st_uid == 0)
            try #expect(StoreFixture.text(fixture.top() + "/name") == "evil")
            try #expect(StoreFixture.facts(fixture.top() + "/folder")?.isFolder == true)
        }
    }

    @Test("a hard link to a file outside, through a link or by its path, is refused")
    func refusesOutwardHardLink() throws {
        try refused { $0.add("name", type: "1", link: "/etc/passwd") }
        try refused { tar in
            tar.add("etc", type: "2", link: "/etc")
            tar.add("name", type: "1", link: "etc/passwd")
        }
    }

    @Test("a hard link to a symbolic link links the link itself")
    func linksLinkItself() throws {
        try StoreFixture.with { fixture in
            let tar = TarMaker.make { tar in
                tar.add("link", type: "2", link: "/etc/passwd")
                tar.add("name", type: "1", link: "link")
            }
            _ = try fixture.importing(tar)
            try #expect(StoreFixture.facts(fixture.top() + "/name")?.st_mode == S_IFLNK | 0o777)
        }
    }

    @Test("device nodes are left out, whatever their numbers, so none can pass for a whiteout")
    func skipsDevices() throws {
        try StoreFixture.with { fixture in
            let tar = TarMaker.make { tar in
                tar.add("null", type: "3")
                tar.add("disk", type: "4")
                tar.add("file")
            }
            try #expect(fixture.importing(tar).skipped == 2)
            try #expect(StoreFixture.facts(fixture.top() + "/null") == nil)
            try #expect(StoreFixture.facts(fixture.top() + "/disk") == nil)
        }
    }

    @Test("a hard link to a whiteout is refused")
    func refusesLinkToWhiteout() throws {
        try refused { tar in
            tar.add(".wh.a")
            tar.add("b", type: "1", link: "a")
        }
    }

    @Test(
        "whiteouts that name nothing or the way up are refused",
        arguments: [".wh.", ".wh..", ".wh..."]
    )
    func refusesEmptyWhiteout(_ name: String) throws {
        try refused { $0.add("a/" + name) }
    }

    @Test("attributes that steer overlayfs or the host's security are left out")
    func dropsAttributes() throws {
        try StoreFixture.with { fixture in
            let tar = TarMaker.make { tar in
                tar.add(
                    "folder",
                    records: [
                        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
                        "SCHILY.xattr.trusted.overlay.opaque": "y",
                        "SCHILY.xattr.security.selinux": "x",
                        "SCHILY.xattr.user.mine": "yes",
                    ],
                    type: "5"
                )
            }
            _ = try fixture.importing(tar)
            let folder = try FileCalls.folder(try fixture.top() + "/folder")
            for name in ["trusted.overlay.redirect", "trusted.overlay.opaque", "security.selinux"] {
                let size = unsafe berth_get_attribute(folder.number, name, nil, 0)
                #expect(size == -Int64(ENODATA))
            }
            let size = unsafe berth_get_attribute(folder.number, "user.mine", nil, 0)
            #expect(size == 3 || size == -Int64(EOPNOTSUPP))
        }
    }

    @Test("more bytes or more files than allowed are refused, and nothing stays")
    func refusesTooMuch() throws {
        let limits = ImageLimits(bytes: 1 << 20, entries: 10)
        try refused(.ociImageTooLarge, limits) { tar in
            for index in 0..<11 { tar.add("file\(index)") }
        }
        try refused(.ociImageTooLarge, limits) { tar in
            for index in 0..<3 {
                tar.add("file\(index)", content: String(repeating: "x", count: 400_000))
            }
        }
        try refused(.ociImageTooLarge, limits) { $0.add("file", size: 0o77777777777) }
    }

    @Test("a small file that uncompresses to a large one is stopped")
    func refusesBomb() throws {
        try StoreFixture.with { fixture in
            let zeros = try filtered([], "sh -c 'head -c 64M /dev/zero | gzip -c'")
            let tar = TarMaker.make { $0.add("file") }
            let path = try fixture.write(try filtered(tar.bytes, "gzip -c") + zeros, "bomb")
            let error = #expect(throws: CodedError.self) {
                try fixture.run(path, limits: ImageLimits(bytes: 1 << 20))
            }
            #expect(error?.code == .ociImageTooLarge)
        }
    }

    @Test("a tar file cut at any block is refused or imports what is whole, and never traps")
    func survivesTruncation() throws {
        let bytes = ImportTests.fileSystem.bytes
        try StoreFixture.with { fixture in
            for length in stride(from: 0, to: bytes.count, by: 256) {
                let path = try fixture.write(Array(bytes.prefix(length)), "cut")
                do {
                    _ = try fixture.run(path)
                } catch let error as CodedError {
                    #expect(error.code == .ociImageInvalid)
                }
                try #expect(fixture.names("incoming") == [])
            }
        }
    }

    @Test("a tar file with changed bytes never traps and never leaves its folder")
    func survivesMutation() throws {
        try StoreFixture.with { fixture in
            var random = SystemRandomNumberGenerator()
            for _ in 0..<300 {
                var bytes = ImportTests.fileSystem.bytes
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                }
                let path = try fixture.write(bytes, "changed")
                do {
                    _ = try fixture.run(path, limits: ImageLimits(bytes: 1 << 20, entries: 100))
                } catch let error as CodedError {
                    #expect([.ociImageInvalid, .ociImageTooLarge].contains(error.code), "\(error)")
                }
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: fixture.folder).sorted()
                    == ["changed", "store"]
            )
        }
    }

    @Test("a manifest that names a file outside of the image is refused")
    func refusesOutwardManifest() throws {
        try StoreFixture.with { fixture in
            _ = try fixture.write(Array("{}".utf8), "secret.json")
            let manifest = #"[{"Config":"../secret.json","Layers":["../../etc/passwd"]}]"#
            _ = try fixture.write(Array(manifest.utf8), "save/manifest.json")
            let error = #expect(throws: CodedError.self) {
                try fixture.run(fixture.folder + "/save")
            }
            #expect(error?.code == .ociImageInvalid)
            #expect(error?.detail.contains("cannot be read") == true)
        }
    }

    private func refused(
        _ code: MessageCode = .ociImageInvalid,
        _ limits: ImageLimits = ImageLimits(),
        _ body: (inout TarMaker) -> Void
    ) throws {
        try StoreFixture.with { fixture in
            let error = #expect(throws: CodedError.self) {
                try fixture.importing(TarMaker.make(body), limits: limits)
            }
            #expect(error?.code == code, "\(String(describing: error))")
            try #expect(fixture.names("incoming") == [])
            try #expect(fixture.names("layers") == [])
            try #expect(fixture.store.images() == [])
        }
    }
}
