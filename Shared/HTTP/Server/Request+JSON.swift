import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore
import SharedMessages

extension Request {
    /// The whole body.
    ///
    /// Throws an `HTTPRefusal` with status 413 for more than `limit` bytes.
    package func bytes(upTo limit: Int) async throws -> [UInt8] {
        if let announced = headers[.contentLength].flatMap({ Int($0) }), announced > limit {
            throw tooLarge(limit)
        }
        do {
            return Array(buffer: try await body.collect(upTo: limit))
        } catch is NIOTooManyBytesError {
            throw tooLarge(limit)
        }
    }

    /// The body decoded as JSON, whatever its content type.
    ///
    /// Throws an `HTTPRefusal` with status 413 for more than `limit` bytes, 400 for anything that
    /// does not decode.
    package func json<Value: Decodable>(
        _ type: Value.Type,
        upTo limit: Int
    ) async throws -> Value {
        let bytes = try await bytes(upTo: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw HTTPRefusal(.badRequest, .httpServerBadRequest, "JSON \(error.place)")
        } catch {
            throw HTTPRefusal(.badRequest, .httpServerBadRequest)
        }
    }

    private func tooLarge(_ limit: Int) -> HTTPRefusal {
        HTTPRefusal(.contentTooLarge, .httpServerBodyTooLarge, "more than \(limit) bytes")
    }
}
