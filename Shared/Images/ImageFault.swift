import SharedMessages
import SharedSystem

/// Why an image cannot be imported.
enum ImageFault: Error {
    case invalid(String)
    case tooLarge(String)

    /// Any failure of the store, with its code; `place` says what was being read.
    static func coded(_ error: any Error, _ place: String) -> CodedError {
        switch error {
        case let error as CodedError: error
        case ImageFault.invalid(let text): CodedError(.ociImageInvalid, detail: "\(place): \(text)")
        case ImageFault.tooLarge(let text):
            CodedError(.ociImageTooLarge, detail: "\(place): \(text)")
        default: CodedError(.ociImageStoreFailed, detail: "\(place): \(error)", cause: error)
        }
    }
}
