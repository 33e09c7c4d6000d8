import Foundation
package import SharedModels

extension ConnectionMetadata {
    /// Reads the three maps beside other keys; missing ones and `null` are empty.
    ///
    /// Throws a `DecodingError` for a file whose content is no padded base64.
    package init(lenient decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: AnyKey.self)
        let files = try box.value([String: BinaryMetadataValue].self, "files") ?? [:]
        for (path, file) in files where Data(base64Encoded: file.value) == nil {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath + [AnyKey(stringValue: path)],
                    debugDescription: "no base64"
                )
            )
        }
        self.init(
            metadata: try box.value([String: MetadataValue].self, "metadata") ?? [:],
            environment: try box.value([String: MetadataValue].self, "environment") ?? [:],
            files: files
        )
    }
}
