import Foundation
package import HTTPTypes
package import Hummingbird
import NIOCore
import SharedMessages

extension Response {
    /// A reply with `value` as JSON, keys in the order of its encoder.
    ///
    /// Throws an `HTTPRefusal` with status 500 when the value does not encode.
    package static func json(
        _ value: some Encodable,
        status: HTTPResponse.Status = .ok
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        do {
            return Response(
                status: status,
                headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value)))
            )
        } catch {
            throw HTTPRefusal(.internalServerError, .httpServerEncodeFailed)
        }
    }
}
