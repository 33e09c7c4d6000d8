import Crypto
import Foundation
import Glibc
import Testing

@testable import SharedImages

enum Root {
    /// Owners and whiteouts need it.
    static let isUser = geteuid() == 0
    static let reason: Comment = "needs root"
}

/// A store with a folder beside it for what is imported.
struct StoreFixture {
    let store: ImageStore
    let folder: String

    static func with<Value>(_ body: (StoreFixture) throws -> Value) throws -> Value {
        let folder = NSTemporaryDirectory() + "berth-images-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let store = try ImageStore(path: folder + "/store", creates: true)
        return try body(StoreFixture(store: store, folder: folder))
    }

    /// Writes a file beside the store.
    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let path = folder + "/" + name
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    func importing(
        _ tar: TarMaker,
        limits: ImageLimits = ImageLimits(),
        as name: String = "test"
    ) throws -> ImageImporter.Outcome {
        let path = try write(tar.bytes, UUID().uuidString + ".tar")
        return try run(path, limits: limits, as: name)
    }

    func run(
        _ path: String,
        limits: ImageLimits = ImageLimits(),
        as name: String = "test",
        reference: String? = nil
    ) throws -> ImageImporter.Outcome {
        let name = try #require(ImageName(name))
        return try ImageImporter(store: store, limits: limits)
            .run(name, from: path, reference: reference)
    }

    /// The folder of an image's highest layer.
    func top(_ name: String = "test") throws -> String {
        let name = try #require(ImageName(name))
        return try #require(store.use(name).layers.first)
    }

    func names(_ part: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder + "/store/" + part).sorted()
    }

    /// Facts about a file itself, `nil` if it is not there.
    static func facts(_ path: String) -> stat? {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 ? facts : nil
    }

    static func text(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }
}

/// Writes tar files (POSIX.1-2001, ustar) as nobody should.
struct TarMaker {
    private(set) var bytes: [UInt8] = []
    private static let block = 512

    /// `size` may lie about the content.
    mutating func add(
        _ path: String,
        type: Character = "0",
        content: String = "",
        link: String = "",
        mode: Int = 0o644,
        owner: Int = 0,
        size: Int? = nil
    ) {
        let data = Array(content.utf8)
        var header = [UInt8](repeating: 0, count: Self.block)
        func put(_ text: String, _ place: Int) {
            for (index, byte) in text.utf8.enumerated() { header[place + index] = byte }
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(String(path.prefix(100)), 0)
        put(octal(mode, 7), 100)
        put(octal(owner, 7), 108)
        put(octal(owner, 7), 116)
        put(octal(size ?? data.count, 11), 124)
        put(octal(1_600_000_000, 11), 136)
        put(String(repeating: " ", count: 8), 148)
        put(String(type), 156)
        put(String(link.prefix(100)), 157)
        put("ustar\u{0}00", 257)
        put(octal(0, 7), 329)
        put(octal(0, 7), 337)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
        bytes += header + data
        bytes += [UInt8](repeating: 0, count: (Self.block - data.count % Self.block) % Self.block)
    }

    /// An entry with attributes of the extended format.
    mutating func add(_ path: String, records: [String: String], type: Character = "0") {
        var content = ""
        for (key, value) in records.sorted(by: { $0.key < $1.key }) {
            let rest = " \(key)=\(value)\n"
            var length = rest.utf8.count + 1
            while "\(length)".count + rest.utf8.count != length { length += 1 }
            content += "\(length)\(rest)"
        }
        add("x", type: "x", content: content)
        add(path, type: type, mode: type == "5" ? 0o755 : 0o644)
    }

    mutating func folder(_ path: String, mode: Int = 0o755, owner: Int = 0) {
        add(path, type: "5", mode: mode, owner: owner)
    }

    mutating func end() { bytes += [UInt8](repeating: 0, count: 2 * Self.block) }

    static func make(_ body: (inout TarMaker) -> Void) -> TarMaker {
        var maker = TarMaker()
        body(&maker)
        maker.end()
        return maker
    }

    var digest: String { SHA256.hash(data: bytes).hex }
}

/// Writes OCI image layouts.
struct LayoutMaker {
    private(set) var files: [String: [UInt8]] = [:]
    private var manifests: [String] = []

    mutating func blob(_ bytes: [UInt8]) -> String {
        let digest = SHA256.hash(data: bytes).hex
        files["blobs/sha256/\(digest)"] = bytes
        return digest
    }

    /// Adds an image; each layer is its tar file and what lies in the layout.
    mutating func image(
        _ layers: [(tar: TarMaker, blob: [UInt8])],
        reference: String = "latest",
        architecture: String = ImageLimits.thisMachine,
        config: String = #"{"Env":["PATH=/bin","A=b"],"User":"1:2","WorkingDir":"/w"}"#,
        contentDigests: [String]? = nil
    ) {
        let digests = contentDigests ?? layers.map(\.tar.digest)
        let list = digests.map { "\"sha256:\($0)\"" }.joined(separator: ",")
        let config = blob(
            Array(
                #"{"architecture":"\#(architecture)","os":"linux","config":\#(config),"rootfs":{"type":"layers","diff_ids":[\#(list)]}}"#
                    .utf8
            )
        )
        let blobs = layers.map { layer in
            #"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:\#(blob(layer.blob))","size":1}"#
        }
        let manifest = blob(
            Array(
                #"{"schemaVersion":2,"config":{"digest":"sha256:\#(config)","size":1},"layers":[\#(blobs.joined(separator: ","))]}"#
                    .utf8
            )
        )
        manifests.append(
            #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:\#(manifest)","size":1,"annotations":{"org.opencontainers.image.ref.name":"\#(reference)"},"platform":{"os":"linux","architecture":"\#(architecture)"}}"#
        )
    }

    /// What is not to be as its digest says.
    mutating func spoil(_ change: (inout [String: [UInt8]]) -> Void) { change(&files) }

    private var all: [String: [UInt8]] {
        var all = files
        all["oci-layout"] = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)
        all["index.json"] = Array(
            #"{"schemaVersion":2,"manifests":[\#(manifests.joined(separator: ","))]}"#.utf8
        )
        return all
    }

    func write(_ fixture: StoreFixture, _ name: String = "layout") throws -> String {
        for (path, bytes) in all { _ = try fixture.write(bytes, name + "/" + path) }
        return fixture.folder + "/" + name
    }

    var tar: TarMaker {
        TarMaker.make { tar in
            for (path, bytes) in all.sorted(by: { $0.key > $1.key }) {
                tar.add(path, content: String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}

extension ImageLimits {
    static var thisMachine: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }
}

/// Runs a tool of the machine over bytes.
func filtered(_ bytes: [UInt8], _ tool: String) throws -> [UInt8] {
    let folder = NSTemporaryDirectory() + "berth-filter-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/in"))
    let status = unsafe system("\(tool) <'\(folder)/in' >'\(folder)/out'")
    try #require(status == 0)
    return Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/out")))
}
