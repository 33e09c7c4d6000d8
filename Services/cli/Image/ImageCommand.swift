import ArgumentParser
import Foundation
import SharedImages
import SharedMessages

/// `berth image`: the images of the backend `oci`.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Looks after the images of the backend oci.",
        subcommands: [
            ImageImportCommand.self, ImageListCommand.self, ImageRemoveCommand.self,
        ]
    )
}

/// Where the images are.
struct ImageStoreOptions: ParsableArguments {
    @Option(help: "The image directory, as oci.imageDirectory has it.")
    var directory = ImageStore.defaultPath

    /// Runs `body` on the store; a failure is printed with its code and ends with status 1.
    func run(creates: Bool = false, _ body: (ImageStore) throws -> Void) throws {
        do {
            try body(try ImageStore(path: directory, creates: creates))
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }
}

/// An argument that names an image.
struct ImageNameArgument: ParsableArguments {
    @Argument(help: "The image's name, such as debian:12; without a tag it gets :latest.")
    var name: String

    func imageName() throws -> ImageName {
        guard let found = ImageName(name) else {
            throw CodedError(.ociImageNameInvalid, detail: name)
        }
        return found
    }
}

/// `berth image import`.
struct ImageImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Brings in an image.",
        discussion: """
            SOURCE is a file system as a tar file, an OCI image layout as a folder or a tar file, \
            or what docker save writes. Tar files may be compressed with gzip, zstd, xz or bzip2.
            """
    )

    @OptionGroup var store: ImageStoreOptions
    @OptionGroup var name: ImageNameArgument

    @Argument(help: "The file or folder.")
    var source: String

    @Option(help: "Which of several images of the source: its tag or reference name.")
    var reference: String?

    @Option(help: "The most bytes that the image's files may have.")
    var maxBytes = ImageLimits().bytes

    @Option(help: "The most files that the image may have.")
    var maxFiles = ImageLimits().entries

    func validate() throws {
        guard maxBytes > 0, maxFiles > 0 else {
            throw ValidationError("--max-bytes and --max-files must be at least 1.")
        }
    }

    func run() throws {
        try store.run(creates: true) { store in
            let limits = ImageLimits(bytes: maxBytes, entries: maxFiles)
            let outcome = try ImageImporter(store: store, limits: limits)
                .run(try name.imageName(), from: source, reference: reference)
            let image = outcome.image
            print("imported \(image.name), \(image.id.prefix(12)), \(image.size) bytes")
            guard outcome.skipped > 0 else { return }
            print("left out \(outcome.skipped) devices and sockets: containers get their own")
        }
    }
}

/// `berth image list`.
struct ImageListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the images."
    )

    @OptionGroup var store: ImageStoreOptions

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() throws {
        try store.run { store in
            let images = try store.images()
            guard json else { return images.forEach(show) }
            let encoder = JSONEncoder()
            encoder.dateEncodingStrategy = .iso8601
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(images), as: UTF8.self))
        }
    }

    private func show(_ image: StoredImage) {
        let date = image.imported.formatted(.iso8601)
        let layers = image.layers.count == 1 ? "1 layer" : "\(image.layers.count) layers"
        print("\(image.name)  \(image.id.prefix(12))  \(date)  \(image.size) bytes, \(layers)")
    }
}

/// `berth image remove`.
struct ImageRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Removes an image.",
        discussion: "Containers that run keep what they use; it is removed after the last of them."
    )

    @OptionGroup var store: ImageStoreOptions
    @OptionGroup var name: ImageNameArgument

    func run() throws {
        try store.run { store in
            let waiting = try store.remove(try name.imageName())
            print("removed \(name.name)")
            guard waiting > 0 else { return }
            print("\(waiting) layers are in use and go with the last container that uses them")
        }
    }
}
